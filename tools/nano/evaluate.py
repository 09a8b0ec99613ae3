"""Measure a running throng server on fresh problems (standard library only).

    python evaluate.py                       starts `throng serve` with cargo, on a free port
    python evaluate.py --base http://localhost:8000 --count 500
    python evaluate.py --serve-args "--exact=false"     the same model in other settings
"""

import argparse
import json
import shlex
import socket
import subprocess
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import checks

ROOT = Path(__file__).resolve().parents[2]


def post(base, body):
    """The parsed answer of a chat completion."""
    request = urllib.request.Request(
        base + "/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=600) as response:
        return json.load(response)


def reply_of(answer):
    """A chat completion as a ``Reply``."""
    message = answer["choices"][0]["message"]
    calls = message.get("tool_calls") or []
    call = (calls[0]["id"], calls[0]["function"]["name"], calls[0]["function"]["arguments"]) if calls else None
    usage = answer.get("usage") or {}
    details = usage.get("completion_tokens_details") or {}
    tokens = details.get("reasoning_tokens", usage.get("completion_tokens", 0))
    return checks.Reply(message.get("content") or "", call, tokens)


def client(base, model, concurrency):
    """An ``ask`` that sends a few requests at a time."""

    def one(request):
        body = {"model": model, "messages": request.messages, "reasoning_effort": request.effort, "temperature": 0}
        if request.tools:
            body["tools"] = request.tools
        if request.response_format:
            body["response_format"] = request.response_format
        return reply_of(post(base, body))

    def ask(requests):
        with ThreadPoolExecutor(concurrency) as pool:
            return list(pool.map(one, requests))

    return ask


BUILD_AND_RUN = ("cargo", "run", "--release", "-q", "--")


def start_server(throng=BUILD_AND_RUN, more=()):
    """A server on a free port, with ``more`` arguments: ``(process, base)`` once it is healthy."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([*throng, "serve", "--port", str(port), *more], cwd=ROOT)
    base = f"http://127.0.0.1:{port}"
    while process.poll() is None:
        try:
            urllib.request.urlopen(base + "/health", timeout=5).close()
            return process, base
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise SystemExit("error: the server ended before it was ready")


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", help="address of a running server")
    parser.add_argument("--serve-args", default="", help="more for a server that is started: '--exact=false'")
    parser.add_argument("--model", default="nano", help="model name to send")
    parser.add_argument("--count", type=int, default=500, help="problems at each effort")
    parser.add_argument("--concurrency", type=int, default=8)
    args = parser.parse_args()
    if args.base:
        process, base = None, args.base.rstrip("/")
    else:
        process, base = start_server(more=shlex.split(args.serve_args))
    began = time.time()
    try:
        checks.report(client(base, args.model, args.concurrency), args.count)
    finally:
        if process:
            process.terminate()
            process.wait()
    print(f"{time.time() - began:.0f} s")


if __name__ == "__main__":
    main()
