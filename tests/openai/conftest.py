"""A throng server on the built-in model, and the official client for it."""

import contextlib
import os
import pathlib
import re
import select
import subprocess
import time

import openai
import pytest
from browsing import browser, page

__all__ = ["browser", "page"]  # Fixtures of all tests here, as those below.

ROOT = pathlib.Path(__file__).parents[2]
BINARY = os.environ.get("THRONG_BIN", str(ROOT / "target/release/throng"))
# A machine that is busy with builds may take its time.
PATIENCE_S = 120


def wait_for_address(process):
    """The address that the server prints on standard error once its model is there."""
    deadline = time.monotonic() + PATIENCE_S
    printed = ""
    while time.monotonic() < deadline:
        if select.select([process.stderr], [], [], 1)[0]:
            line = process.stderr.readline()
            printed += line
            if found := re.search(r"is ready: open (http://\S+)", line):
                return found.group(1)
            if not line:
                break
    raise RuntimeError(f"the server did not start: {printed}")


@contextlib.contextmanager
def serving(*arguments):
    """A server with these arguments: its address."""
    command = [BINARY, "serve", "--port", "0", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield wait_for_address(process)
            assert process.poll() is None, "the server ended before the tests did"
        finally:
            process.terminate()
            assert process.wait(PATIENCE_S) == 0, "a terminated server ends in good order"


def client_of(address, api_key="none"):
    """The official client, without the patience that hides failures."""
    return openai.OpenAI(
        base_url=f"{address}/v1", api_key=api_key, max_retries=0, timeout=PATIENCE_S
    )


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
