"""The server, asked with whatever schemathesis makes of the document.

It looks for 5xx, for statuses, media types, headers and bodies that the document does not have, for
requests that the document forbids and the server answers, and for methods that it does not have.
"""

import collections
import json
import os
import pathlib
import subprocess
import sys

from conftest import KEY

FOLDER = pathlib.Path(__file__).parent
# The time of it all grows with this; CI has two cores and two minutes.
EXAMPLES = os.environ.get("THRONG_EXAMPLES", "40")
SEED = os.environ.get("THRONG_SEED", "1")


def run(address, counts, *arguments, examples=EXAMPLES):
    """Runs schemathesis, which must find nothing."""
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", FOLDER / "schemathesis.toml"]
    environment = os.environ | {
        "THRONG_ADDRESS": address,
        "THRONG_COUNTS": str(counts),
        "PYTHONPATH": str(FOLDER),
    }
    ran = subprocess.run(
        [*command, "run", f"{address}/openapi.json", "-n", examples, "--seed", SEED, *arguments],
        # It keeps what it found beside where it runs.
        cwd=counts.parent,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    print(ran.stdout)
    assert ran.returncode == 0, "schemathesis found something"
    answered = collections.defaultdict(dict)
    for operation, status, count in json.loads(counts.read_text()):
        answered[operation][status] = count
    for operation, statuses in answered.items():
        print(operation, statuses)
    return answered


def test_the_server_is_as_it_says(server, document, tmp_path):
    answered = run(server, tmp_path / "counts.json")
    operations = {
        f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods
    }
    # Schemathesis does not ask for the document that it has.
    for operation in operations - {"GET /openapi.json"}:
        assert answered[operation].get(200, 0) > 0, f"{operation} was never answered with 200"
    for path in ("/v1/chat/completions", "/v1/responses", "/v1/completions"):
        assert answered[f"POST {path}, in a stream"].get(200, 0) > 0, f"{path} was never streamed"


def test_no_operation_forgets_to_ask_for_a_key(locked, tmp_path):
    key = ("--header", f"Authorization: Bearer {KEY}")
    answered = run(locked, tmp_path / "counts.json", "--checks", "ignored_auth", *key, examples="5")
    assert len(answered) > 5
