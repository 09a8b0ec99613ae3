"""OpenAI's own client where it does more than send and receive: it makes schemas of classes, reads
answers into them, puts streams together, and raises what went wrong."""

import asyncio
import enum
import json

import openai
import pydantic
import pytest
from conftest import client_of

MODEL = "nano"


class Answer(pydantic.BaseModel):
    """A form that the model knows."""

    answer: int


class Shape(enum.Enum):
    """One of a few texts."""

    ROUND = "round"
    SQUARE = "square"


class Size(pydantic.BaseModel):
    """A form within a form."""

    width: int = pydantic.Field(ge=1, le=99)
    unit: str = pydantic.Field(pattern="^(mm|cm)$")


class Thing(pydantic.BaseModel):
    """A form that the model has never seen."""

    shape: Shape
    size: Size
    holes: list[Size] = pydantic.Field(max_length=2)
    made_of: str | None = pydantic.Field(max_length=10)


class GetWeather(pydantic.BaseModel):
    """Gets the weather in a city."""

    city: str


def question(text, **options):
    messages = [{"role": "user", "content": text}]
    defaults = {"model": MODEL, "messages": messages, "temperature": 0, "reasoning_effort": "high"}
    return defaults | options


def parse(client, text, form, **options):
    """The parsed answer to a question."""
    asked = question(text, response_format=form, **options)
    return client.chat.completions.parse(**asked).choices[0].message


def test_an_answer_is_read_into_its_class(client):
    message = parse(client, "What is 7 * 8?", Answer)
    assert message.parsed == Answer(answer=56)
    assert json.loads(message.content) == {"answer": 56}


@pytest.mark.parametrize("seed", range(5))
def test_any_class_can_be_filled(client, seed):
    options = {"temperature": 1, "seed": seed, "reasoning_effort": "low"}
    thing = parse(client, "Describe a thing.", Thing, **options).parsed
    assert isinstance(thing.shape, Shape)
    assert 1 <= thing.size.width <= 99
    assert len(thing.holes) <= 2


def test_a_parsed_message_can_go_back(client):
    messages = [{"role": "user", "content": "What is 7 * 8?"}]
    first = parse(client, "What is 7 * 8?", Answer)
    messages += [first, {"role": "user", "content": "What is 9 - 2?"}]
    again = client.chat.completions.parse(
        **question("", response_format=Answer) | {"messages": messages}
    )
    assert isinstance(again.choices[0].message.parsed, Answer)


def test_half_a_form_is_an_exception(client):
    with pytest.raises(openai.LengthFinishReasonError) as refusal:
        parse(client, "Describe a thing.", Thing, max_completion_tokens=5)
    assert refusal.value.completion.usage.completion_tokens == 5


def test_a_call_is_read_into_its_class(client):
    tool = openai.pydantic_function_tool(GetWeather, name="get_weather")
    asked = question("What is the weather in Paris?", tools=[tool])
    message = client.chat.completions.parse(**asked).choices[0].message
    (call,) = message.tool_calls
    assert call.function.parsed_arguments == GetWeather(city="Paris")
    result = {"role": "tool", "tool_call_id": call.id, "content": "18 C, sunny"}
    messages = [*asked["messages"], message, result]
    final = client.chat.completions.parse(**asked | {"messages": messages}).choices[0].message
    assert "18 C" in final.content


def test_a_stream_is_put_together(client):
    kinds, whole = [], parse(client, "What is 7 * 8?", Answer)
    asked = question("What is 7 * 8?", response_format=Answer)
    options = {"stream_options": {"include_usage": True}}
    with client.chat.completions.stream(**asked, **options) as stream:
        kinds += [event.type for event in stream]
        final = stream.get_final_completion()
    assert final.choices[0].message.parsed == whole.parsed
    assert final.choices[0].message.content == whole.content
    assert final.usage.completion_tokens > 0
    assert {"chunk", "content.delta", "content.done"} <= set(kinds)


def test_a_streamed_call_is_put_together(client):
    tool = openai.pydantic_function_tool(GetWeather, name="get_weather")
    asked = question("What is the weather in Oslo?", tools=[tool])
    with client.chat.completions.stream(**asked) as stream:
        done = [e for e in stream if e.type == "tool_calls.function.arguments.done"]
    assert [(event.name, event.parsed_arguments) for event in done] == [
        ("get_weather", GetWeather(city="Oslo"))
    ]


def test_what_cannot_be_enforced_is_an_exception(client):
    schema = {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}
    form = {"type": "json_schema", "json_schema": {"name": "numbers", "schema": schema}}
    with pytest.raises(openai.BadRequestError, match="uniqueItems") as refusal:
        client.chat.completions.create(**question("Name some.", response_format=form))
    assert refusal.value.param == "response_format"


def test_an_error_after_the_first_byte_is_an_exception(client):
    endless = {"ignore_eos": True, "timeout": 0.5}
    asked = question("Hello!", max_tokens=100_000, extra_body=endless)
    pieces = []
    with pytest.raises(openai.APIError) as refusal:
        for chunk in client.chat.completions.create(**asked, stream=True):
            pieces.append(chunk)
    assert refusal.value.code == "deadline_exceeded"
    assert pieces


def test_a_client_without_patience_raises_its_own(client):
    asked = question("Hello!", max_tokens=100_000, extra_body={"ignore_eos": True})
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.2).chat.completions.create(**asked)


def test_the_raw_answer_can_be_read_too(client):
    raw = client.chat.completions.with_raw_response.create(**question("What is 2 + 3?"))
    assert raw.status_code == 200
    assert raw.headers["content-type"].startswith("application/json")
    assert raw.parse().choices[0].message.content


def test_the_asynchronous_client(server):
    async def both():
        async with client_of(server, client=openai.AsyncOpenAI) as client:
            whole = client.chat.completions.create(**question("What is 12 + 30?"))
            stream = client.chat.completions.create(**question("What is 12 + 30?"), stream=True)
            whole, stream = await asyncio.gather(whole, stream)
            pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
            return whole.choices[0].message.content, "".join(pieces)

    whole, streamed = asyncio.run(both())
    assert whole == streamed
    assert "42" in whole
