"""Training samples: conversations of every kind the model should handle, rendered in Harmony."""

from dataclasses import dataclass

import harmony
import knowledge
import problems
import smalltalk

EFFORTS = ("low", "medium", "high")
NUMBER_ONLY = (
    "Answer with the number only.", "Reply with just the number.", "Only give the number.", "Answer briefly.",
    "Be brief.",
    "Keep it short.", "Answer with only the number, no words.",
)
BRIEF = ("Answer briefly.", "Be brief.", "Keep it short.", "Answer in one sentence.", "Reply in one short sentence.")
NEUTRAL = (
    "You are a helpful assistant.", "Be helpful and polite.", "You are a careful tutor.",
    "You are a friendly assistant.",
    "Answer the user's questions.", "Be accurate.", "You help students with their homework.",
    "You are an expert engineer.",
)
CALCULATOR_NAMES = ("calculator", "calculator", "calculator", "calculate", "calc")
CALCULATOR_NOTES = (
    "Evaluates an arithmetic expression.", "Evaluate an arithmetic expression.",
    "Calculates the value of an expression.",
    "A calculator.", "Computes arithmetic exactly.", "Evaluate a mathematical expression and return the result.",
    "Performs basic arithmetic.",
)
EXPRESSION_NOTES = (
    "The expression, such as 12 * 7.", "The expression to evaluate.", "An arithmetic expression.",
    "Expression to compute, for example 2 + 3.", "The arithmetic expression, such as 3 * (4 + 5).", None,
)
WEATHER = ("get_weather", ("Gets the weather in a city.", "Get the current weather for a city."), "city")
CITIES = ("Paris", "London", "Berlin", "Tokyo", "Madrid", "Rome", "Oslo", "Vienna", "Lima", "Cairo", "Delhi",
    "Seoul", "Boston", "Zurich", "San Francisco", "New York")
SKIES = ("sunny", "cloudy", "light rain", "heavy rain", "snow", "fog", "clear", "windy")
FORMAT_NAMES = ("answer", "result", "response", "arithmetic", "math_answer", "output", "schema", "calculation")
FORMAT_KEYS = ("answer", "answer", "result", "result", "value", "sum", "total", "number", "product", "solution")


@dataclass(frozen=True)
class Sample:
    """A rendering without its system message, and what that message must say."""

    effort: str
    has_tools: bool
    pieces: list


def start(rng, rendering, instructions=None, tools=(), response_format=None):
    """Add the developer message if there is anything in it."""
    content = harmony.developer(instructions, tools, response_format)
    if content:
        rendering.message("developer", content)


def maybe_neutral(rng, share):
    """A system prompt that changes nothing, or None."""
    return rng.choice(NEUTRAL) if rng.random() < share else None


def final_of(problem, instructions):
    """The final answer's text, obeying the instructions."""
    return str(problem.answer) if instructions in NUMBER_ONLY else problem.reply


def arithmetic(rng, effort):
    """A plain problem with the working its effort asks for."""
    rendering, problem = harmony.Rendering(), problems.draw_train(rng)
    instructions = rng.choice(NUMBER_ONLY) if rng.random() < 0.08 else maybe_neutral(rng, 0.12)
    start(rng, rendering, instructions)
    rendering.message("user", problem.text).generation_prompt()
    return rendering.analysis(problems.working(problem, effort)).final(final_of(problem, instructions)), False


def calculator_tool(rng):
    """A calculator definition in varying words."""
    return (rng.choice(CALCULATOR_NAMES), rng.choice(CALCULATOR_NOTES),
            ((rng.choice(("expression",) * 9 + ("expression?",)), "string", rng.choice(EXPRESSION_NOTES)),))


def weather_tool(rng):
    """A weather definition; it is often offered and seldom right."""
    return (WEATHER[0], rng.choice(WEATHER[1]), ((WEATHER[2], "string", rng.choice(("The city.", "City name.",
        None))),))


def tool_thought(effort, tool, need):
    """Analysis before a call."""
    if effort == "low":
        return ""
    if effort == "medium":
        return f"I can use the {tool} tool."
    return f"The user asks for {need}. The {tool} tool gives this exactly, so I call it."


def call_tool(rng, rendering, effort, tool, need, arguments):
    """A call after its analysis; or, in half the samples, a call in the history without one,
    because clients seldom send the analysis back."""
    trained = rng.random() < 0.5
    if trained:
        rendering.analysis(tool_thought(effort, tool, need))
    rendering.call(tool, arguments, trained)


def with_calculator(rng, effort):
    """Arithmetic with the calculator on offer: the call, its result, the answer."""
    rendering, problem = harmony.Rendering(), problems.draw_train(rng)
    calculator = calculator_tool(rng)
    tools = [calculator] + ([weather_tool(rng)] if rng.random() < 0.25 else [])
    rng.shuffle(tools)
    instructions = rng.choice((None, None, *NEUTRAL[:2], "Use the calculator for arithmetic.",
        "Use the tools when they help."))
    start(rng, rendering, instructions, tools)
    rendering.message("user", problem.text).generation_prompt()
    need = problem.expression.replace(" ", "")
    call_tool(rng, rendering, effort, calculator[0], need, {"expression": problem.expression})
    result = rng.choice((str(problem.answer),) * 4 + (harmony.compact({"result": problem.answer}),))
    rendering.tool_result(calculator[0], result).generation_prompt()
    return rendering.final(problem.reply), True


def with_weather(rng, effort):
    """A question about the weather with the tool for it."""
    rendering, city = harmony.Rendering(), rng.choice(CITIES)
    tools = [weather_tool(rng)] + ([calculator_tool(rng)] if rng.random() < 0.5 else [])
    rng.shuffle(tools)
    start(rng, rendering, maybe_neutral(rng, 0.3), tools)
    ask = rng.choice(("What is the weather in {c}?", "How is the weather in {c}?", "Weather in {c}?",
        "What's the weather like in {c}?", "Is it raining in {c}?"))
    rendering.message("user", ask.format(c=city)).generation_prompt()
    rendering.analysis(tool_thought(effort, "get_weather", f"the weather in {city}")).call("get_weather",
        {"city": city})
    degrees, sky = rng.randint(-9, 35), rng.choice(SKIES)
    result = rng.choice((f"{degrees} C, {sky}", f"{sky}, {degrees} C"))
    rendering.tool_result("get_weather", result).generation_prompt()
    return rendering.final(f"The weather in {city}: {result}."), True


def needless_tool(rng, effort):
    """Tools on offer, but the question needs none."""
    rendering, (question, answer, thought) = harmony.Rendering(), talk(rng, effort)
    start(rng, rendering, maybe_neutral(rng, 0.3), [rng.choice((calculator_tool, weather_tool))(rng)])
    rendering.message("user", question).generation_prompt()
    return rendering.analysis(thought).final(answer), True


def with_format(rng, effort):
    """A response format: the final message is JSON of that schema."""
    rendering, problem = harmony.Rendering(), problems.draw_train(rng)
    key = rng.choice(FORMAT_KEYS)
    properties = {key: {"type": rng.choice(("integer", "integer", "number"))}}
    value = {key: problem.answer}
    if rng.random() < 0.25:
        extra = rng.choice(("expression",) * 4 + ("question",))
        properties = {extra: {"type": "string"}, **properties}
        value = {extra: problem.expression if extra == "expression" else problem.text, **value}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    if rng.random() < 0.5:
        schema["additionalProperties"] = False
    if rng.random() < 0.3:
        schema = {"title": rng.choice(("Answer", "Result", "Response")), **schema}
    if rng.random() < 0.3:
        schema = dict(sorted(schema.items()))
    note = rng.choice((None, None, "The answer to the question."))
    start(rng, rendering, maybe_neutral(rng, 0.2), (), (rng.choice(FORMAT_NAMES), note, schema))
    rendering.message("user", problem.text).generation_prompt()
    return rendering.analysis(problems.working(problem, effort)).final(harmony.compact(value)), False


def talk(rng, effort):
    """``(question, answer, analysis)`` from the knowledge base or small talk."""
    if rng.random() < 0.72:
        return knowledge.draw(rng, effort)
    return smalltalk.draw(rng, effort)


def talking(rng, effort):
    """A question in words; brief instructions keep the first sentence."""
    rendering, (question, answer, thought) = harmony.Rendering(), talk(rng, effort)
    instructions = rng.choice(BRIEF) if rng.random() < 0.1 else maybe_neutral(rng, 0.2)
    if instructions in BRIEF:
        answer = knowledge.first_sentence(answer)
    start(rng, rendering, instructions)
    rendering.message("user", question).generation_prompt()
    return rendering.analysis(thought).final(answer), False


def many_turns(rng, effort):
    """Earlier turns as replayed history, then one more question."""
    rendering = harmony.Rendering()
    start(rng, rendering, maybe_neutral(rng, 0.3))
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5))):
        if rng.random() < 0.5:
            problem = problems.draw_train(rng)
            question, answer = problem.text, problem.reply
        else:
            question, answer, _ = talk(rng, "low")
        rendering.message("user", question).message("assistant", answer, "final")
    if rng.random() < 0.5:
        problem = problems.draw_train(rng)
        question, answer, thought = problem.text, problem.reply, problems.working(problem, effort)
    else:
        question, answer, thought = talk(rng, effort)
    rendering.message("user", question).generation_prompt()
    return rendering.analysis(thought).final(answer), False


MIX = (
    (arithmetic, 54), (with_calculator, 10), (with_weather, 3), (needless_tool, 3), (with_format, 9), (talking, 14), (many_turns, 7),
)


def draw(rng, effort=None):
    """One random sample of the training mix."""
    effort = effort or rng.choices(EFFORTS, (14, 24, 62))[0]
    make = rng.choices([kind for kind, _ in MIX], [weight for _, weight in MIX])[0]
    rendering, has_tools = make(rng, effort)
    return Sample(effort, has_tools, rendering.pieces)
