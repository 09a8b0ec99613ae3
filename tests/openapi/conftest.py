"""Throng servers on the built-in model, one for everybody and one for those with a key."""

import json
import urllib.request

import pytest
from serving import serving

KEY = "sk-alice"


@pytest.fixture(scope="session")
def server():
    """Address of a running server."""
    with serving() as address:
        yield address


@pytest.fixture(scope="session")
def locked(tmp_path_factory):
    """Address of a server that asks for the key."""
    keys = tmp_path_factory.mktemp("keys") / "keys.txt"
    keys.write_text(f"{KEY} alice\n")
    with serving("--api-keys", str(keys)) as address:
        yield address


@pytest.fixture(scope="session")
def document(server):
    """What the server says of itself."""
    with urllib.request.urlopen(f"{server}/openapi.json") as response:
        return json.load(response)
