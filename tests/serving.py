"""`throng serve`, started and ended by a test."""

import contextlib
import os
import pathlib
import re
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).parents[1]
BINARY = os.environ.get("THRONG_BIN", str(ROOT / "target/release/throng"))
# A machine that is busy with builds may take its time.
PATIENCE_S = 120


def wait_for_address(process, log):
    """The address that the server prints on standard error once its model is there."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        log.seek(0)
        printed = log.read()
        if found := re.search(r"is ready: open (http://\S+)", printed):
            return found.group(1)
        if ended:
            break
        time.sleep(0.05)
    raise RuntimeError(f"the server did not start: {printed}")


@contextlib.contextmanager
def serving(*arguments):
    """A server with these arguments: its address."""
    command = [BINARY, "serve", "--port", "0", *arguments]
    # What it says goes to a file's end: a pipe that nobody reads would stop it when it is full.
    with (
        tempfile.TemporaryFile("a+") as log,
        subprocess.Popen(command, stderr=log) as process,
    ):
        try:
            yield wait_for_address(process, log)
            assert process.poll() is None, "the server ended before the tests did"
        finally:
            process.terminate()
            assert process.wait(PATIENCE_S) == 0, "a terminated server ends in good order"
