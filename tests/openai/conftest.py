"""A throng server on the built-in model, and the official client for it."""

import openai
import pytest
from browsing import browser, page
from serving import PATIENCE_S, serving

__all__ = ["browser", "page"]  # Fixtures of all tests here, as those below.


def client_of(address, api_key="none", client=openai.OpenAI):
    """The official client, without the patience that hides failures."""
    return client(base_url=f"{address}/v1", api_key=api_key, max_retries=0, timeout=PATIENCE_S)


@pytest.fixture(scope="session")
def server():
    """Address of a running server."""
    with serving() as address:
        yield address


@pytest.fixture(scope="session")
def client(server):
    """The official client."""
    with client_of(server) as client:
        yield client


@pytest.fixture(scope="session")
def locked(tmp_path_factory):
    """Address of a server that asks for keys."""
    keys = tmp_path_factory.mktemp("keys") / "keys.txt"
    keys.write_text(
        "# of the tests\nsk-alice alice 2\nsk-bob bob\nsk-carol carol\nsk-dave dave\n"
        "sk-erin erin rpm=2 tpm=100000\nsk-frank frank models=another\n"
    )
    with serving("--api-keys", str(keys)) as address:
        yield address
