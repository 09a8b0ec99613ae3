"""Harmony rendering of training samples: the exact bytes the engine produces.

A rendering is a list of pieces ``(text, is_special, is_trained)``. Special pieces
are single tokens; the text between two of them is tokenised on its own. The
system message is kept apart, because many samples share it as a prefix.
"""

import json

SPECIALS = (
    "<|startoftext|>", "<|endoftext|>", "<|return|>", "<|constrain|>", "<|channel|>",
    "<|start|>", "<|end|>", "<|message|>", "<|call|>", "<|refusal|>",
)
CALLS_LINE = "\nCalls to these tools must go to the commentary channel: 'functions'."


class Rendering:
    """Collects pieces; neighbouring text pieces are merged only when rendered apart is meant."""

    def __init__(self):
        self.pieces = []

    def special(self, name, trained=False):
        """One special token, named without its bars."""
        self.pieces.append((f"<|{name}|>", True, trained))
        return self

    def text(self, text, trained=False):
        """Ordinary text."""
        if text:
            self.pieces.append((text, False, trained))
        return self

    def message(self, role, content, channel=None):
        """A whole message that the model does not write, closed by ``<|end|>``."""
        self.special("start").text(role)
        if channel:
            self.special("channel").text(channel)
        return self.special("message").text(content).special("end")

    def generation_prompt(self):
        """Where the model takes over."""
        return self.special("start").text("assistant")

    def analysis(self, content):
        """A trained analysis message and the start of the next one; nothing if empty."""
        if content:
            self.special("channel", True).text("analysis", True).special("message", True).text(content, True)
            self.special("end", True).special("start", True).text("assistant", True)
        return self

    def final(self, content):
        """The trained final answer."""
        self.special("channel", True).text("final", True).special("message", True)
        return self.text(content, True).special("return", True)

    def call(self, tool, arguments, trained=True):
        """A function call in the replay form."""
        self.text(f" to=functions.{tool}", trained).special("channel", trained).text("commentary ", trained)
        self.special("constrain", trained).text("json", trained).special("message", trained)
        return self.text(compact(arguments), trained).special("call", trained)

    def tool_result(self, tool, content):
        """What a function sends back."""
        self.special("start").text(f"functions.{tool} to=assistant").special("channel").text("commentary")
        return self.special("message").text(content).special("end")


def compact(value):
    """JSON without spaces, as the engine writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def system(effort, date, has_tools):
    """Pieces of the system message."""
    content = (
        "You are ChatGPT, a large language model trained by OpenAI.\nKnowledge cutoff: 2024-06\n"
        f"Current date: {date}\n\nReasoning: {effort}\n\n"
        "# Valid channels: analysis, commentary, final. Channel must be included for every message."
    )
    return Rendering().message("system", content + (CALLS_LINE if has_tools else "")).pieces


def tool_text(tool):
    """One function in Harmony's TypeScript-like notation: ``(name, description, parameters)``
    with parameters as ``(name, type, description)``."""
    name, description, parameters = tool
    lines = [f"// {description}", f"type {name} = (_: {{"]
    for parameter, kind, note in parameters:
        if note:
            lines.append(f"// {note}")
        lines.append(f"{parameter}: {kind},")
    return "\n".join(lines + ["}) => any;"])


def developer(instructions=None, tools=(), response_format=None):
    """Text of the developer message, or None when there is nothing to say.

    ``response_format`` is ``(name, description or None, schema)``.
    """
    sections = []
    if instructions:
        sections.append(f"# Instructions\n\n{instructions}")
    if tools:
        functions = "\n\n".join(tool_text(tool) for tool in tools)
        sections.append(f"# Tools\n\n## functions\n\nnamespace functions {{\n\n{functions}\n\n}} // namespace functions")
    if response_format:
        name, description, schema = response_format
        note = f"// {description}\n" if description else ""
        sections.append(f"# Response Formats\n\n## {name}\n\n{note}{compact(schema)}")
    return "\n\n".join(sections) or None
