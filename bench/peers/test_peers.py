"""The script with engines that say what they are told to: `python3 bench/peers/test_peers.py`."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from pathlib import Path

import report
from process import Failed, run

HERE = Path(__file__).parent

# Programs that print what the real ones do for the same arguments: throng at 3 tokens a second for
# each user and llama.cpp at 2, which takes memory with it, and forever for a prompt of 13.
PROGRAM = f"""#!{sys.executable}
import json, sys, time
from pathlib import Path
name, words = Path(sys.argv[0]).name, sys.argv[1:]
told = {{key: words[i + 1] for i, key in enumerate(words[:-1]) if key.startswith("-")}}
numbers = lambda *keys: [int(n) for key in keys for n in told.get(key, "0").split(",")]
lines = []
if name == "throng" and words[0] == "bench":
    prompts = [n for n in numbers("--prompt-tokens") if n]
    lines = [{{"prompt_tokens": n, "tokens_per_second": {{"median": n}}}} for n in prompts]
    for users in numbers("--users"):
        if users:
            lines.append({{"users": users, "tokens_per_second": {{"median": 3 * users}},
                          "bandwidth": [[40e9, 41e9]] if "--bandwidth" in words else []}})
elif name == "llama-bench":
    held = bytearray(64 << 20)
    lines = [{{"n_prompt": n, "n_depth": 0, "avg_ts": n / 2}} for n in numbers("-p") if n]
    lines += [{{"n_prompt": 0, "n_depth": n, "avg_ts": 2}} for n in numbers("-d") if n]
    time.sleep(600 if 13 in numbers("-p") else 0)
elif name == "llama-batched-bench":
    lines = [{{"pl": n, "speed_tg": 2 * n}} for n in numbers("-npl")]
for line in lines:
    print(json.dumps(line), flush=True)
"""


class Script(unittest.TestCase):
    """Runs with scripted engines."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name in ("throng", "llama-bench", "llama-batched-bench"):
            program = self.folder / name
            program.write_text(PROGRAM)
            program.chmod(0o755)
        (self.folder / "model").write_text("weights")

    def peers(self, *arguments, status=0):
        command = [sys.executable, HERE, *arguments]
        result = subprocess.run(command, capture_output=True, text=True, cwd=self.folder)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertNotIn("Traceback", result.stderr)
        return result.stdout

    def measure(self, *arguments, status=0):
        return self.peers("--throng", "./throng", "--model", "model", "--llama", ".", "--raw",
                          "raw", *arguments, status=status)

    def lines(self):
        return [json.loads(line) for line in (self.folder / "raw").read_text().splitlines()][1:]

    def test_engines_take_turns_and_every_figure_is_in_a_table(self):
        out = self.measure("--parts", "prefill,decode,context,load", "--rounds", "2", "--users",
                           "1,2", "--prompts", "8", "--contexts", "64,128", "--plot", "plot.svg")
        for row in ("| 8 | 8.0 (8.0–8.0) | 41 | 4.0 (4.0–4.0) | 41 | 2.00 |",
                    "| 2 | 6.0 (6.0–6.0) | 40–41 | 4.0 (4.0–4.0) | 41 | 1.50 |",
                    "| 128 | 3.0 (3.0–3.0) | 40–41 | 2.0 (2.0–2.0) | 41 | 1.50 |"):
            self.assertIn(row, out)
        engines = [line["engine"] for line in self.lines() if "seconds" in line]
        self.assertEqual(engines, ["llama.cpp", "throng", "throng", "llama.cpp"])
        loads = {line["engine"]: line for line in self.lines() if line["part"] == "load"}
        more = loads["llama.cpp"]["peak_bytes"] - loads["throng"]["peak_bytes"]
        self.assertGreater(more, 50 << 20)
        xml.etree.ElementTree.parse(self.folder / "plot.svg")
        self.assertEqual(self.peers("--from", "raw"), out)

    def test_one_that_hangs_is_ended_and_the_rest_is_measured(self):
        out = self.measure("--parts", "prefill,decode", "--rounds", "1", "--prompts", "13",
                           "--users", "4", "--cap", "10", status=1)
        self.assertIn("| 13 | 13.0 |", out)
        self.assertIn("| 4 | 12.0 |", out)
        self.assertIn("Failed: llama.cpp, prefill, round 1", out)
        self.assertIn("took more than 10.0 s", str(self.lines()))

    def test_what_is_there_is_not_written_over(self):
        (self.folder / "raw").write_text("hours of work")
        self.measure(status=2)
        self.assertEqual((self.folder / "raw").read_text(), "hours of work")

    def test_a_program_that_fails_is_quoted(self):
        with self.assertRaisesRegex(Failed, "no such thing"):
            run(["sh", "-c", "echo no such thing >&2; exit 3"], 10)


class States(unittest.TestCase):
    """Two states of memory, one, or a change between them."""

    @staticmethod
    def line(speed, *bandwidth):
        about = {"part": "decode", "engine": "throng", "round": 0, "x": 1}
        return {**about, "speed": speed, "bandwidth": [each * 1e9 for each in bandwidth]}

    def test_each_state_has_a_table(self):
        lines = [self.line(10, 33, 34), self.line(11, 35, 34), self.line(20, 56, 57),
                 self.line(22, 58, 55), self.line(15, 35, 57)]
        tables = report.report(lines).split("\n\n")
        self.assertIn("| 1 | 15.0 (10.0–22.0) | 33–58 |", tables[1])
        self.assertIn("memory slow, below 44 GB/s", tables[2])
        self.assertIn("| 1 | 10.5 (10.0–11.0) | 33–35 |", tables[3])
        self.assertIn("| 1 | 21.0 (20.0–22.0) | 55–58 |", tables[5])
        self.assertIn("changed during 1 of 5", tables[6])

    def test_noise_is_no_state(self):
        self.assertIsNone(report.threshold([30, 33, 36, 40, 44, 48]))
        # Nor is what was met once.
        self.assertIsNone(report.threshold([33, 34, 35, 34, 33, 34, 35, 57]))
        self.assertIsNone(report.threshold([]))
        unknown = {**self.line(1), "bandwidth": [None, None]}
        self.assertIn("| 1 | 1.0 | ? |", report.report([unknown]))


if __name__ == "__main__":
    os.environ.pop("THRONG_MODEL", None)
    unittest.main()
