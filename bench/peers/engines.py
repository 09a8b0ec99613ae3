"""The engines, and how each is asked for the same thing.

An engine measures a part once and yields an object for each figure: `x` (tokens of the prompt, users
or tokens of context), `speed` in tokens a second, and `bandwidth`, the bytes a second at which
memory was read before and after. Both compute random tokens and draw none from logits.
"""

import os
import shlex
from pathlib import Path

from process import Failed, run, stopped


class Probe:
    """How fast memory is read now: throng's measurement, half a second on all threads."""

    def __init__(self, options):
        self.options = options
        # The built-in model, whatever the settings of the engine that is measured.
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("THRONG_")}

    def __call__(self):
        lines = []
        command = [self.options.throng, "bench", "--json", "--bandwidth", "--repeat", "1"]
        command += ["--threads", str(self.options.threads), "--prompt-tokens", "0", "--users", "1"]
        command += ["--context", "1", "--generate-tokens", "1"]
        run(command, self.options.cap, lambda line, pid: lines.append(line), self.environment)
        pairs = lines[0]["bandwidth"]
        return pairs[-1][-1] if pairs else None


class Throng:
    """`throng bench`, which measures memory itself before and after each decoding."""

    name = "throng"

    def __init__(self, options, probe):
        self.options, self.probe = options, probe
        self.model = ["-m", options.model, "--threads", str(options.threads)]
        self.model += shlex.split(options.throng_args)

    def prefill(self, prompts):
        before = self.probe()
        lines, done = self.bench("--prompt-tokens", joined(prompts), "--generate-tokens", "0")
        around = [before, self.probe()]
        for line in lines:
            yield {"x": line["prompt_tokens"], "speed": speed(line), "bandwidth": around}
        yield {"peak_bytes": done.peak_bytes}

    def decode(self, users):
        options = self.options
        lines, _ = self.bench("--prompt-tokens", "0", "--users", joined(users), "--bandwidth",
                              "--context", str(options.context),
                              "--generate-tokens", str(options.tokens))
        for line in lines:
            yield {"x": line["users"], "speed": speed(line), "bandwidth": around(line)}

    def context(self, contexts):
        for context in contexts:
            lines, _ = self.bench("--prompt-tokens", "0", "--users", "1", "--bandwidth",
                                  "--context", str(context),
                                  "--generate-tokens", str(self.options.tokens))
            yield {"x": context, "speed": speed(lines[0]), "bandwidth": around(lines[0])}

    def load(self, _):
        # Loads the weights and computes the logits of one token.
        command = [self.options.throng, "score", "--tokens", "1", *self.model]
        done = run(command, self.options.cap)
        yield {"seconds": done.seconds, "peak_bytes": done.peak_bytes}

    def files(self):
        model = Path(self.options.model)
        inside = model.iterdir() if model.is_dir() else [model]
        return [file for file in inside if file.is_file()]

    def bench(self, *arguments):
        command = [self.options.throng, "bench", "--json", "--repeat", "1", *arguments, *self.model]
        lines = []
        done = run(command, self.options.cap, lambda line, pid: lines.append(line))
        if not lines:
            raise Failed(f"{' '.join(command)}\nmeasured nothing")
        return lines, done


class Llama:
    """llama.cpp's own benchmarks at its best options: flash attention, weights repacked.

    It is stopped while memory is measured. That falls in what it does not time, or in the prompts
    of the next users, whose time is not used.
    """

    name = "llama.cpp"

    def __init__(self, options, probe):
        self.options, self.probe = options, probe

    def prefill(self, prompts):
        lines = []
        before = self.probe()
        done = self.bench(lambda line, pid: lines.append(line), "-p", joined(prompts), "-n", "0")
        around = [before, self.probe()]
        for line in lines:
            yield {"x": line["n_prompt"], "speed": line["avg_ts"], "bandwidth": around}
        yield {"peak_bytes": done.peak_bytes}

    def decode(self, users):
        options = self.options
        # Its KV cache is divided among the users in equal parts, each rounded up to 256 tokens.
        each = -(-(options.context + options.tokens) // 256) * 256
        command = [f"{options.llama}/llama-batched-bench", "-m", options.gguf]
        command += ["--output-format", "jsonl", "-fa", "on", "-b", "2048", "-ub", "512"]
        command += ["-t", str(options.threads), "-tb", str(options.threads)]
        command += ["-c", str(max(users) * each), "-npl", joined(users)]
        # Without -pps nobody shares a prompt.
        command += ["-npp", str(options.context), "-ntg", str(options.tokens)]
        command += shlex.split(options.llama_args)
        found = self.around(lambda on_line: run(command, options.cap, on_line))
        for line, around in found:
            yield {"x": line["pl"], "speed": line["speed_tg"], "bandwidth": around}

    def context(self, contexts):
        found = self.around(lambda on_line: self.bench(
            on_line, "-p", "0", "-n", str(self.options.tokens), "-d", joined(contexts)))
        for line, around in found:
            yield {"x": line["n_depth"], "speed": line["avg_ts"], "bandwidth": around}

    def load(self, _):
        done = self.bench(lambda line, pid: None, "-p", "0", "-n", "1", "--no-warmup")
        yield {"seconds": done.seconds, "peak_bytes": done.peak_bytes}

    def files(self):
        return [Path(self.options.gguf)]

    def around(self, start):
        """Lines that a program prints, each with the speed of memory before and after it."""
        speeds, lines = [self.probe()], []

        def on_line(line, pid):
            with stopped(pid):
                speeds.append(self.probe())
            lines.append(line)

        start(on_line)
        return [(line, list(pair)) for line, pair in zip(lines, zip(speeds, speeds[1:]))]

    def bench(self, on_line, *arguments):
        options = self.options
        command = [f"{options.llama}/llama-bench", "-m", options.gguf, "-o", "jsonl", "-r", "1"]
        command += ["-t", str(options.threads), "-fa", "1", "-b", "2048", "-ub", "512"]
        command += [*arguments, *shlex.split(options.llama_args)]
        return run(command, options.cap, on_line)


def joined(numbers):
    return ",".join(map(str, numbers))


def speed(line):
    return line["tokens_per_second"]["median"]


def around(line):
    return line["bandwidth"][0] if line["bandwidth"] else [None, None]
