"""Speculative decoding beside plain decoding: speed, and how often drafts are right.

    python3 bench/speculation.py --throng target/release/throng [--repeat 9] [--users 1,16]

Two servers of one model, one of them with drafts, answer the same questions in turn, so that a
machine which slows down does so for both. The rows of "nothing", where both are plain, say what a
ratio is worth: it should be 1. Every answer must be the same, character for
character. What was drafted and accepted comes from /metrics.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
import urllib.request

DRAFTERS = {
    "nothing": None,
    "nano-draft": {"model": "nano-draft", "num_speculative_tokens": 8},
    "n-gram": {"method": "ngram", "num_speculative_tokens": 8},
}


class Server:
    """A server of the built-in model on a port of its own."""

    def __init__(self, throng, config):
        command = [throng, "serve", "--port", "0"]
        if config:
            command += ["--speculative-config", json.dumps(config)]
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("THRONG_")}
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=environment)
        self.url = None
        for line in self.process.stderr:
            found = re.search(r"listening on (http://\S+)", line)
            self.url = found.group(1) if found else self.url
            if " is ready" in line:
                break
        # Whatever else it says must not fill the pipe.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def ask(self, path, body):
        body = {"model": "nano", **body}
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    def counts(self):
        with urllib.request.urlopen(self.url + "/metrics") as response:
            text = response.read().decode()
        found = {}
        for line in text.splitlines():
            match = re.match(r"throng:spec_decode_(\w+)_total\{([^}]*)\} (\S+)", line)
            if match:
                position = re.search(r'position="(\d+)"', match.group(2))
                name = (match.group(1), int(position.group(1))) if position else match.group(1)
                # One line for each method.
                found[name] = found.get(name, 0) + float(match.group(3))
        return found

    def stop(self):
        self.process.terminate()
        self.process.wait()


def chats(count, temperature):
    """Questions that nano was trained for; no two alike."""
    numbers = [(11 + 37 * i % 88, 12 + 53 * i % 87) for i in range(count)]
    return "/v1/chat/completions", [{
        "messages": [{"role": "user", "content": f"What is {a} * {b}?"}],
        "reasoning_effort": "high", "temperature": temperature, "seed": a * b,
    } for a, b in numbers]


def copies(count):
    """Texts that say one thing again and again, and are gone on with so."""
    return "/v1/completions", [
        {"prompt": "02356"[i % 5] * (100 + i), "max_tokens": 400, "temperature": 0}
        for i in range(count)]


def said(answer):
    """All that depends on the request."""
    return [(choice.get("text"), choice.get("message", {}).get("content"),
             choice.get("message", {}).get("reasoning"), choice["finish_reason"])
            for choice in answer["choices"]]


def ask_all(server, path, bodies, users):
    """Answers, and tokens a second, of so many users who ask one question after the other."""
    answers = [None] * len(bodies)
    places = iter(range(len(bodies)))
    lock = threading.Lock()

    def user():
        while True:
            with lock:
                place = next(places, None)
            if place is None:
                return
            answers[place] = server.ask(path, bodies[place])

    begun = time.perf_counter()
    threads = [threading.Thread(target=user) for _ in range(users)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    tokens = sum(answer["usage"]["completion_tokens"] for answer in answers)
    return [said(answer) for answer in answers], tokens / seconds


def measure(plain, drafting, task, users, repeat):
    path, bodies = task
    before = drafting.counts()
    speeds = [[], []]
    for turn in range(repeat + 1):
        texts = [None, None]
        # Whoever comes first comes second the next time.
        for which in (0, 1) if turn % 2 else (1, 0):
            server = (plain, drafting)[which]
            texts[which], speed = ask_all(server, path, bodies, users)
            if turn > 0:
                speeds[which].append(speed)
        if texts[0] != texts[1]:
            sys.exit("answers differ")
    after = drafting.counts()
    counts = {name: after[name] - before.get(name, 0) for name in after}
    return speeds, counts


def row(name, what, users, speeds, counts):
    plain, drafted = (statistics.median(of) for of in speeds)
    ratios = [b / a for a, b in zip(*speeds)]
    low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else 3 * ratios
    rows = counts.get("num_drafts", 0)
    if rows:
        places = sorted({key[1] for key in counts if isinstance(key, tuple)})
        by_place = [counts["num_accepted_tokens_per_pos", at] / rows for at in places]
        by_place = " ".join(f"{100 * share:.0f}" for share in by_place) + " %"
        length = f"{1 + counts['num_accepted_tokens'] / rows:.2f}"
    else:
        by_place, length = "", "1.00"
    return (f"| {name} | {what} | {users} | {plain:.0f} | {drafted:.0f} "
            f"| {middle:.2f}× ({low:.2f}–{high:.2f}) "
            f"| {length} | {by_place} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--throng", required=True)
    parser.add_argument("--repeat", type=int, default=9, help="turns of each row")
    parser.add_argument("--questions", type=int, default=12, help="by each user in a turn")
    parser.add_argument("--users", default="1,16")
    arguments = parser.parse_args()
    print("| drafts by | task | users | plain, tokens/s | with drafts | gain of a turn (quartiles) "
          "| tokens a row | accepted by place |")
    print("|---|---|---:|---:|---:|---:|---:|---|")
    for name, config in DRAFTERS.items():
        plain, drafting = Server(arguments.throng, None), Server(arguments.throng, config)
        try:
            for users in map(int, arguments.users.split(",")):
                count = arguments.questions * users
                tasks = [
                    ("questions, temperature 0", chats(count, 0)),
                    ("questions, temperature 1", chats(count, 1)),
                    ("copying", copies(count)),
                ]
                for what, task in tasks:
                    speeds, counts = measure(plain, drafting, task, users, arguments.repeat)
                    print(row(name, what, users, speeds, counts), flush=True)
        finally:
            plain.stop()
            drafting.stop()


if __name__ == "__main__":
    main()
