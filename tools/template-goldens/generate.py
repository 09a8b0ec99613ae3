"""Golden prompts: what transformers' apply_chat_template makes of conversations.

The templates are our own, in crates/throng-chat/tests/goldens/templates; the conversations are in
conversations.json beside this file. Everything is written to the folder named on the command line.
"""

import datetime
import json
import sys
from pathlib import Path

import tokenizers
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

HERE = Path(__file__).parent
BOS, EOS = "<|begin_of_text|>", "<|im_end|>"
# Control tokens, tokens that are text, and one that takes the white space around it.
SPECIAL = [BOS, "<|im_start|>", EOS, "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
TEXT = ["<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"]
SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CONTROL = SPECIAL + TEXT + ["<|sep|>"]


class FixedDate(datetime.datetime):
    """The day that `strftime_now` tells; Python's own clock would make other goldens tomorrow."""

    day = None

    @classmethod
    def now(cls, tz=None):
        return cls(cls.day.year, cls.day.month, cls.day.day)


def make_tokenizer(texts):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(tokenizers.Regex(SPLIT), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=420, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in SPECIAL])
    tokenizer.add_tokens([AddedToken(text, normalized=False, special=False) for text in TEXT])
    tokenizer.add_special_tokens([AddedToken("<|sep|>", normalized=False, special=True, lstrip=True, rstrip=True)])
    bos = (BOS, tokenizer.token_to_id(BOS))
    template = processors.TemplateProcessing(single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B", special_tokens=[bos])
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    return tokenizer


def parsed(text):
    """Arguments as transformers' users pass them: a value where they are JSON."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return text
    return text if isinstance(value, str) else value


def transformers_messages(conversation):
    """The messages of a golden's conversation as transformers takes them."""
    messages = conversation["messages"]
    lead = 0
    while lead < len(messages) and messages[lead]["role"] == "instructions":
        lead += 1
    out = []
    if lead:
        text = "\n\n".join(message["content"] for message in messages[:lead])
        out.append({"role": "system", "content": text})
    names = {}
    for message in messages[lead:]:
        role = "system" if message["role"] == "instructions" else message["role"]
        one = {"role": role, "content": message.get("content", "")}
        if role == "tool":
            one["tool_call_id"] = message["call_id"]
            if message["call_id"] in names:
                one["name"] = names[message["call_id"]]
        if "reasoning" in message:
            one["reasoning_content"] = message["reasoning"]
        if message.get("tool_calls"):
            one["tool_calls"] = []
            for call in message["tool_calls"]:
                names[call["id"]] = call["name"]
                function = {"name": call["name"], "arguments": parsed(call["arguments"])}
                one["tool_calls"].append({"id": call["id"], "type": "function", "function": function})
        out.append(one)
    return out


def render(tokenizer, template, conversation):
    """The text and the ids of a prompt, or the template's refusal."""
    tools = [{"type": "function", "function": tool} for tool in conversation.get("tools", [])]
    switches = {"enable_thinking": False} if conversation.get("effort") == "low" else {}
    FixedDate.day = datetime.date.fromisoformat(conversation["date"])
    arguments = dict(
        conversation=transformers_messages(conversation), tools=tools or None,
        chat_template=template, add_generation_prompt=True, **switches,
    )
    try:
        text = tokenizer.apply_chat_template(tokenize=False, **arguments)
    except Exception as error:
        return {"refused": str(error)}
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    return {"text": text, "ids": ids}


def main():
    out = Path(sys.argv[1])
    conversations = json.loads((HERE / "conversations.json").read_text())
    templates = {path.stem: path.read_text() for path in sorted((out / "templates").glob("*.jinja"))}
    chat_template_utils.datetime = FixedDate
    inner = make_tokenizer([json.dumps(conversations, ensure_ascii=False), *templates.values()])
    inner.save(str(out / "template-tokenizer.json"), pretty=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token=BOS, eos_token=EOS)
    goldens = []
    for name, template in templates.items():
        for conversation in conversations:
            goldens.append({"template": name, "conversation": conversation, **render(tokenizer, template, conversation)})
    raw = [{"text": text, "ids": tokenizer(text)["input_ids"]} for text in ["", "Once upon a time", "e\u0301 \u00e9\n"]]
    made_by = {"transformers": transformers.__version__, "tokenizers": tokenizers.__version__}
    lines = [f'{{"made_by": {json.dumps(made_by)}, "bos_token": "{BOS}", "eos_token": "{EOS}",', '"raw": ' + json.dumps(raw) + ",", '"prompts": [']
    lines.append(",\n".join(json.dumps(golden, ensure_ascii=False) for golden in goldens))
    (out / "template.json").write_text("\n".join(lines) + "\n]}\n")
    refused = sum("refused" in golden for golden in goldens)
    print(f"{len(goldens)} prompts, {refused} refused", file=sys.stderr)


if __name__ == "__main__":
    main()
