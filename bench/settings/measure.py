"""A setting of a model, and what can be measured of it. Each measurement is an object."""

import shlex

import checks
import evaluate
from process import Failed, run


class Setting:
    """Types of weights and of keys and values, and how throng is told so."""

    def __init__(self, options, weights, kv):
        self.options, self.weights, self.kv = options, weights, kv
        self.arguments = ["--threads", str(options.threads), *shlex.split(options.base)]
        if options.model:
            self.arguments += ["-m", options.model]
        if weights != "stored":
            self.arguments += ["--quantize", weights]
        if kv != "auto":
            self.arguments += ["--kv-cache-dtype", kv]

    def __str__(self):
        return f"weights {self.weights}, keys and values {self.kv}"

    def throng(self, verb, *arguments):
        """The lines of JSON that a command prints."""
        command, lines = [self.options.throng, verb, "--json", *arguments, *self.arguments], []
        run(command, self.options.cap, lambda line, pid: lines.append(line))
        if not lines:
            raise Failed(f"{' '.join(command)}\nmeasured nothing")
        return lines


def quality(setting):
    """Perplexity, and agreement with the reference."""
    options = setting.options
    against = shlex.join(shlex.split(options.reference))
    more = shlex.split(options.eval_args)
    return setting.throng("eval", "--text", options.text, f"--against={against}", *more)[0]


def work(setting):
    """Bytes of weights, keys and values that a step of one user reads."""
    options = setting.options
    lines = setting.throng("bench", "--roofline", "--users", "1", "--prompt-tokens", "0", "--repeat",
                           "1", "--context", str(options.context), "--generate-tokens",
                           str(options.tokens))
    step = next(line for line in lines if line["measured"] == "roofline" and line["users"] == 1)
    return {"step_bytes": sum(part["bytes"] for part in step["parts"])}


def speed(setting):
    """Tokens a second of one round, and the bandwidths of memory around decoding."""
    options = setting.options
    lines = setting.throng("bench", "--repeat", "1", "--bandwidth", "--prompt-tokens",
                           str(options.prompt), "--users", ",".join(map(str, options.users)),
                           "--context", str(options.context), "--generate-tokens",
                           str(options.tokens))
    rates = {"prefill" if line["measured"] == "prefill" else str(line["users"]):
             line["tokens_per_second"]["median"] for line in lines}
    around = [each for line in lines for pair in line.get("bandwidth") or [] for each in pair]
    return {"rates": rates, "bandwidth": around}


def tasks(setting):
    """The part of nano's held-out problems that it solves at each effort, calls and JSON answers."""
    options = setting.options
    process, base = evaluate.start_server([options.throng], setting.arguments)
    try:
        ask = evaluate.client(base, "nano", 16)
        table, _ = checks.arithmetic(ask, options.tasks)
        called, finished, asked = checks.tool_calls(ask, 100)
        formed, wanted = checks.json_answers(ask, 100)
    finally:
        process.terminate()
        process.wait()
    solved = {effort: kinds["all"][0] / kinds["all"][1] for effort, kinds in table.items()}
    return {"solved": solved, "problems": options.tasks, "calls": called / asked,
            "finished": finished / asked, "json": formed / wanted}
