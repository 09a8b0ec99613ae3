"""The script with a model that says what it is told to: `python3 bench/settings/test_settings.py`."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).parent

# Prints what throng does for the same arguments: at 10 tokens a second for each user, twice that with
# weights in int8, which cost some of the answers; there are no keys and values in fp9.
PROGRAM = f"""#!{sys.executable}
import json, sys
words = sys.argv[1:]
told = {{key: words[i + 1] for i, key in enumerate(words[:-1]) if key.startswith("-")}}
rounded = told.get("--quantize") == "int8"
if told.get("--kv-cache-dtype") == "fp9":
    sys.exit("error: there is no fp9")
assert words[1] == "--json" and "--exact=false" in words, words
if words[0] == "eval":
    assert "--against=--exact" in words and told["--text"] == "a.txt", words
    kl = 0.5 if rounded else 0.0
    print(json.dumps({{"weights_bytes": 5e6 if rounded else 10e6, "perplexity": 12.0 if rounded else 10.0,
                      "reference": {{"perplexity": 10.0}}, "top_1_agreement": 1 - kl / 10,
                      "kl": {{"mean": kl, "p99": 2 * kl, "max": 3 * kl}}}}))
elif "--roofline" in words:
    print(json.dumps({{"measured": "roofline", "users": 1,
                      "parts": [{{"bytes": 3e6}}, {{"bytes": 1e6}}]}}))
else:
    rate = 20 if rounded else 10
    print(json.dumps({{"measured": "prefill", "tokens_per_second": {{"median": 100}}}}))
    for users in map(int, told["--users"].split(",")):
        print(json.dumps({{"measured": "decode", "users": users, "bandwidth": [[30e9, 40e9]],
                          "tokens_per_second": {{"median": rate * users}}}}))
"""


class Script(unittest.TestCase):
    """Runs with the scripted program."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.program = Path(folder.name) / "throng"
        self.program.write_text(PROGRAM)
        self.program.chmod(0o755)
        self.raw = Path(folder.name) / "raw.jsonl"

    def run_script(self, *arguments):
        command = [sys.executable, str(HERE), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True)

    def measure(self, *arguments):
        return self.run_script("--throng", self.program, "--text", "a.txt", "--rounds", "2",
                               "--users", "1,4", "--raw", self.raw, *arguments)

    def test_settings_have_a_row_in_each_table(self):
        done = self.measure("--weights", "stored,int8", "--kv", "auto")
        self.assertEqual(done.returncode, 0, done.stderr)
        speeds, answers = done.stdout.split("\n\n")
        stored, rounded = speeds.splitlines()[2:]
        self.assertEqual([cell.strip() for cell in stored.split("|")[1:-1]], [
            "stored", "auto", "10.0", "4.0", "100.0 (100.0–100.0)", "1.00", "10.0 (10.0–10.0)", "1.00",
            "40.0 (40.0–40.0)", "1.00", "30–40"])
        self.assertIn("| 20.0 (20.0–20.0) | 2.00 |", rounded)
        self.assertIn("| int8 | auto | 5.00e-01 | 1.00e+00 | 1.50e+00 | 95.00 % | 12.0000 | 1.2000 |",
                      answers)

    def test_settings_take_turns(self):
        self.measure("--weights", "stored,int8", "--kv", "auto")
        lines = map(json.loads, self.raw.read_text().splitlines())
        turns = [line["weights"] for line in lines if line["part"] == "speed"]
        self.assertEqual(turns, ["stored", "int8", "int8", "stored"])

    def test_what_fails_is_named_and_the_rest_goes_on(self):
        done = self.measure("--weights", "stored", "--kv", "fp9,auto")
        self.assertEqual(done.returncode, 1)
        self.assertIn("keys and values fp9: error: there is no fp9", done.stdout)
        self.assertIn("| stored | auto | 0.00e+00 |", done.stdout)
        again = self.run_script("--from", self.raw)
        self.assertEqual(again.stdout, done.stdout)

    def test_nothing_is_overwritten(self):
        self.raw.write_text("")
        done = self.measure()
        self.assertIn("is there already", done.stderr)
        self.assertNotEqual(self.run_script().returncode, 0)


if __name__ == "__main__":
    unittest.main()
