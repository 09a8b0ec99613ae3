"""The same checks as ``evaluate.py`` on an exported model, with the trainer's own generator:
``python measure.py nano models/nano [--count 500] [--ask "What is 37 * 48?"]``."""

import argparse
import re

import torch

import checks
import export
import harmony
import tokenizer as tokens
from generate import Generator
from train import PRESETS

DATE = "2026-03-14"
BATCH = 64


def tool_of(tool):
    """An API tool as ``harmony.developer`` takes it."""
    function = tool["function"]
    properties = function["parameters"]["properties"]
    return (function["name"], function["description"],
            [(name, value["type"], value.get("description")) for name, value in properties.items()])


def render(request):
    """Pieces of a whole request, up to the generation prompt."""
    rendering = harmony.Rendering()
    wanted = (request.response_format or {}).get("json_schema")
    form = (wanted["name"], wanted.get("description"), wanted["schema"]) if wanted else None
    content = harmony.developer(None, [tool_of(tool) for tool in request.tools], form)
    if content:
        rendering.message("developer", content)
    name = None
    for message in request.messages:
        if message["role"] == "user":
            rendering.message("user", message["content"])
        elif message["role"] == "tool":
            rendering.tool_result(name, message["content"])
        else:
            function = message["tool_calls"][0]["function"]
            name = function["name"]
            rendering.generation_prompt().text(f" to=functions.{name}").special("channel").text("commentary ")
            rendering.special("constrain").text("json").special("message").text(function["arguments"]).special("call")
    return harmony.system(request.effort, DATE, bool(request.tools)) + rendering.generation_prompt().pieces


def parse(tokenizer, ids):
    """A ``Reply`` from generated ids."""
    text = tokenizer.decode(ids, skip_special_tokens=False)
    found = re.search(r"to=functions\.(\w+)<\|channel\|>.*?<\|message\|>(.*?)<\|call\|>", text, re.S)
    call = ("call_1", found[1], found[2]) if found else None
    final = re.search(r"<\|channel\|>final<\|message\|>(.*?)(<\|return\|>|$)", text, re.S)
    analysis = re.search(r"<\|channel\|>analysis<\|message\|>(.*?)<\|end\|>", text, re.S)
    reasoning = len(tokenizer.encode(analysis[1]).ids) if analysis else 0
    return checks.Reply(final[1] if final else "", call, reasoning)


def generated(config, weights, tokenizer, requests):
    """Greedy continuations of the requests, as ids."""
    generator, cache, outputs = Generator(config, weights), {}, []
    stops = {tokenizer.token_to_id(f"<|{name}|>") for name in ("return", "call", "endoftext")}
    prompts = [tokens.encode_pieces(tokenizer, render(request), cache)[0] for request in requests]
    for start in range(0, len(prompts), BATCH):
        outputs += generator.greedy(prompts[start:start + BATCH], stops)
    return outputs


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("preset", choices=PRESETS)
    parser.add_argument("folder")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--ask", help="print the whole output for one question at each effort instead")
    args = parser.parse_args()
    torch.set_num_threads(1)
    config, tokenizer = PRESETS[args.preset], tokens.load(args.folder)
    weights = export.read(config, args.folder)
    if args.ask:
        requests = [checks.Request(effort, checks.user(args.ask)) for effort in checks.EFFORTS]
        for ids in generated(config, weights, tokenizer, requests):
            print(tokenizer.decode(ids, skip_special_tokens=False) + "\n")
        return
    checks.report(lambda requests: [parse(tokenizer, ids) for ids in generated(config, weights, tokenizer, requests)], args.count)


if __name__ == "__main__":
    main()
