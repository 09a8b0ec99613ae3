"""Sets of functions that a model is offered, what people ask, and what the functions say."""

import json

import calculator

CITIES = ("Paris", "Tokyo", "San Francisco", "Zürich", "Lima")
SKIES = ("sunny", "light rain", "fog", "snow")
GREETINGS = ("Hello!", "Who are you?", "What is a KV cache?", "Write a poem about rain.", "Thanks.")


def tool(name, description, parameters=None, strict=None):
    """A function as requests offer it; the parameters are those that must be there."""
    function = {"name": name, "description": description}
    if parameters is not None:
        function["parameters"] = {
            "type": "object",
            "properties": parameters,
            "required": list(parameters),
            "additionalProperties": False,
        }
    if strict is not None:
        function["strict"] = strict
    return {"type": "function", "function": function}


WEATHER = tool("get_weather", "Gets the weather in a city.", {"city": {"type": "string"}})
STRICT_WEATHER = tool(
    "get_weather",
    "Get the current weather for a city.",
    {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
    strict=True,
)
TIME = {
    "type": "object",
    "properties": {"day": {"type": "string", "format": "date"}, "hour": {"type": "integer"}},
    "required": ["day", "hour"],
    "additionalProperties": False,
}
EVENT = {
    "title": {"type": "string"},
    "start": TIME,
    "guests": {"type": "array", "items": {"type": "string"}},
    "kind": {"enum": ["meeting", "call", "lunch"]},
    "note": {"type": ["string", "null"]},
}
QUERY = {"table": {"type": "string"}, "limit": {"type": "integer", "minimum": 1, "maximum": 50}}

TOOLSETS = {
    "calculator": [calculator.TOOL],
    "two": [WEATHER, calculator.TOOL],
    "strict": [STRICT_WEATHER],
    "calendar": [
        tool("create_event", "Adds an event to the calendar.", EVENT, strict=True),
        tool("list_events", "Lists the events of a day.", {"day": {"type": "string"}}),
    ],
    "odd names": [
        tool("files.read-text", "Reads a file.", {"path": {"type": "string"}}),
        tool("db.query_v2", "Asks the database.", QUERY, strict=True),
        tool("now", "The time."),
    ],
    "many": [
        tool(f"lamp_{n}", f"Switches lamp {n}.", {"on": {"type": "boolean"}}, strict=n % 2 == 0)
        for n in range(12)
    ],
}
TASKS = {
    "calendar": ("Plan lunch with Ana tomorrow.", "What is on Friday?", "Cancel everything."),
    "odd names": ("Read notes.txt.", "How many users are there?", "What time is it?"),
    "many": ("Switch on lamp 3.", "It is too bright.", "Is lamp 7 on?"),
}


def question(rng, name):
    """What a person might say to a model with these functions."""
    if name in TASKS and rng.random() < 0.6:
        return rng.choice(TASKS[name])
    kind = rng.random()
    if kind < 0.5:
        return f"What is {rng.randint(2, 999)} {rng.choice('+-*')} {rng.randint(2, 99)}?"
    if kind < 0.8:
        return f"What is the weather in {rng.choice(CITIES)}?"
    return rng.choice(GREETINGS)


def result(rng, name, arguments):
    """What a function says: often something useful, and sometimes what functions say too."""
    if rng.random() < 0.15:
        return rng.choice(("", "error: timed out", "null", "[]", '{"ok": false}', "x" * 200))
    if name == "calculator":
        return calculator.evaluate(arguments.get("expression"))
    if name == "get_weather":
        return f"{rng.randint(-9, 35)} C, {rng.choice(SKIES)}"
    return json.dumps({"ok": True, "value": rng.randint(0, 99)})
