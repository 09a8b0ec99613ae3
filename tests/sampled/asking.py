"""One chat request: the answer's message, or what went wrong, within a deadline."""

import argparse
import contextlib
import dataclasses
import json
import time
import urllib.error
import urllib.request

from serving import serving


@dataclasses.dataclass
class Answer:
    """What came back. Where there is no answer, `wrong` says why: `refused` (the server found fault
    with the request), `error` (with itself) or `late` (neither within the deadline)."""

    message: dict = dataclasses.field(default_factory=dict)
    finish: str | None = None
    tokens: int = 0
    prompt_tokens: int = 0
    seconds: float = 0.0
    wrong: str | None = None
    said: str = ""

    @property
    def content(self):
        return self.message.get("content") or ""

    @property
    def calls(self):
        return self.message.get("tool_calls") or []


class Trouble(Exception):
    """An answer that is none."""


def ask(base, body, deadline_s):
    """Sends a chat request, streamed or not as its body says."""
    began = time.monotonic()
    try:
        answer = exchange(base, body, began + deadline_s)
    except urllib.error.HTTPError as error:
        wrong = "refused" if error.code in range(400, 500) else "error"
        answer = Answer(wrong=wrong, said=f"{error.code} {error.read().decode(errors='replace')}")
    except TimeoutError:
        answer = Answer(wrong="late", said=f"nothing after {deadline_s} s")
    except (Trouble, OSError, ValueError, LookupError) as error:
        answer = Answer(wrong="error", said=repr(error))
    answer.seconds = time.monotonic() - began
    return answer


def exchange(base, body, deadline):
    headers = {"Content-Type": "application/json"}
    url = f"{base}/v1/chat/completions"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=deadline - time.monotonic()) as response:
        if body.get("stream"):
            return assembled(events(response, deadline))
        whole = json.load(response)
    choice = whole["choices"][0]
    answer = Answer(choice["message"], choice["finish_reason"])
    count(answer, whole["usage"])
    return answer


def count(answer, usage):
    answer.tokens, answer.prompt_tokens = usage["completion_tokens"], usage["prompt_tokens"]


def events(response, deadline):
    """The data of a stream's events, up to the one that ends it."""
    for line in response:
        if time.monotonic() > deadline:
            raise TimeoutError
        kind, _, data = line.decode().strip().partition(": ")
        if kind == "data" and data == "[DONE]":
            return
        if kind == "data":
            yield json.loads(data)
    raise Trouble("the stream broke off")


def assembled(chunks):
    """The answer that chunks are pieces of."""
    answer, calls = Answer(message={"role": "assistant"}), []
    for chunk in chunks:
        if "error" in chunk:
            raise Trouble(chunk["error"]["message"])
        if chunk.get("usage"):
            count(answer, chunk["usage"])
        for choice in chunk["choices"]:
            answer.finish = choice["finish_reason"] or answer.finish
            delta = choice["delta"]
            for key in ("reasoning", "content"):
                if delta.get(key):
                    answer.message[key] = answer.message.get(key, "") + delta[key]
            for piece in delta.get("tool_calls") or []:
                add_piece(calls, piece)
    if calls:
        answer.message["tool_calls"] = calls
    return answer


def add_piece(calls, piece):
    """Adds a piece of a call to those that came before."""
    if piece["index"] == len(calls):
        function = {"name": piece["function"]["name"], "arguments": ""}
        calls.append({"id": piece["id"], "type": piece["type"], "function": function})
    calls[piece["index"]]["function"]["arguments"] += piece["function"].get("arguments") or ""


def stream_of(wanted):
    """The parameters of an answer that comes in pieces, or in one."""
    return {"stream": True, "stream_options": {"include_usage": True}} if wanted else {}


def arguments(description):
    """The options that both commands have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--base", help="address of a running server; without it, one is started")
    parser.add_argument("--model", default="nano", help="its name")
    parser.add_argument("--first", type=int, default=0, help="number to begin with")
    parser.add_argument("--max-tokens", type=int, default=768, help="of an answer")
    parser.add_argument("--deadline", type=float, default=300, help="of an answer, in seconds")
    parser.add_argument("--concurrency", type=int, default=16, help="requests at a time")
    return parser


def server(base):
    """The address of the server to ask."""
    return contextlib.nullcontext(base.rstrip("/")) if base else serving()


def middle(numbers):
    """The median, and the largest."""
    ordered = sorted(numbers) or [0]
    return ordered[len(ordered) // 2], ordered[-1]
