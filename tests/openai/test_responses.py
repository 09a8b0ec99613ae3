"""OpenAI's own client and the Responses API: streams, tools, kept conversations, parsed answers."""

import json
import time

import openai
import pydantic
import pytest

MODEL = "nano"
PATIENCE_S = 120
CALCULATOR = {
    "type": "function",
    "name": "calculator",
    "description": "Evaluates an arithmetic expression.",
    "parameters": {
        "type": "object",
        "properties": {
            "expression": {"type": "string", "description": "The expression, such as 12 * 7."}
        },
        "required": ["expression"],
        "additionalProperties": False,
    },
    "strict": False,
}


class Answer(pydantic.BaseModel):
    answer: int


def ask(client, text, **options):
    """The response to a text, most probable token by token."""
    options = {"temperature": 0, "reasoning": {"effort": "high"}} | options
    return client.responses.create(model=MODEL, input=text, **options)


def kinds(response):
    return [item.type for item in response.output]


def test_answer_and_reasoning(client):
    response = ask(client, "What is 37 * 48?", metadata={"ticket": "7"})
    assert (response.status, response.error, response.object) == ("completed", None, "response")
    assert kinds(response) == ["reasoning", "message"]
    assert response.output[0].content[0].text
    assert "1776" in response.output_text
    assert response.metadata == {"ticket": "7"}
    assert response.reasoning.effort == "high"
    usage = response.usage
    assert 0 < usage.output_tokens_details.reasoning_tokens < usage.output_tokens
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens


def test_the_same_as_a_chat(client):
    response = ask(client, "What is 12 + 30?", instructions="Be brief.")
    chat = client.chat.completions.create(
        model=MODEL,
        messages=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "What is 12 + 30?"},
        ],
        temperature=0,
        reasoning_effort="high",
    )
    assert response.output_text == chat.choices[0].message.content
    assert response.output[0].content[0].text == chat.choices[0].message.reasoning
    assert response.usage.input_tokens == chat.usage.prompt_tokens
    assert response.usage.output_tokens == chat.usage.completion_tokens


def test_a_stream_that_the_client_puts_together(client):
    whole = ask(client, "What is 12 + 30?")
    options = {"temperature": 0, "reasoning": {"effort": "high"}}
    deltas, names = "", []
    with client.responses.stream(model=MODEL, input="What is 12 + 30?", **options) as stream:
        for number, event in enumerate(stream):
            assert event.sequence_number == number
            names.append(event.type)
            if event.type == "response.output_text.delta":
                deltas += event.delta
                assert event.snapshot == deltas
        response = stream.get_final_response()
    assert names[:2] == ["response.created", "response.in_progress"]
    assert names[-1] == "response.completed"
    assert "response.reasoning_text.delta" in names
    assert response.output_text == whole.output_text == deltas
    assert client.responses.retrieve(response.id).output_text == deltas


@pytest.mark.parametrize("kept", [True, False])
def test_a_loop_of_tools(client, kept):
    items = [{"role": "user", "content": "What is 37 * 48?"}]
    options = {"tools": [CALCULATOR], "store": kept}
    first = ask(client, items, **options)
    call = first.output[-1]
    assert (call.type, call.name) == ("function_call", "calculator")
    assert json.loads(call.arguments) == {"expression": "37 * 48"}
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "1776"}
    if kept:
        second = ask(client, [result], previous_response_id=first.id, **options)
    else:
        # As the guide has it: what came goes back, thoughts and all.
        second = ask(client, [*items, *first.output, result], **options)
    assert "1776" in second.output_text
    assert kinds(second)[-1] == "message"
    assert second.usage.input_tokens > first.usage.input_tokens


def test_a_streamed_call(client):
    arguments, names = "", []
    for event in ask(client, "What is 37 * 48?", tools=[CALCULATOR], stream=True):
        names.append(event.type)
        if event.type == "response.function_call_arguments.delta":
            arguments += event.delta
        if event.type == "response.function_call_arguments.done":
            assert event.arguments == arguments
    assert json.loads(arguments) == {"expression": "37 * 48"}
    assert names[-2:] == ["response.output_item.done", "response.completed"]


def test_an_answer_is_parsed(client):
    options = {"model": MODEL, "temperature": 0, "text_format": Answer}
    response = client.responses.parse(input="What is 7 * 8?", **options)
    assert isinstance(response.output_parsed, Answer)
    assert response.text.format.type == "json_schema"
    with client.responses.stream(input="What is 7 * 8?", **options) as stream:
        streamed = stream.get_final_response()
    assert streamed.output_parsed == response.output_parsed


def test_a_conversation_is_kept_and_forgotten(client):
    first = ask(client, "What is 5 + 6?")
    second = ask(client, "What is 9 - 2?", previous_response_id=first.id)
    assert second.usage.input_tokens > first.usage.input_tokens
    assert second.previous_response_id == first.id
    again = client.responses.retrieve(second.id)
    assert again.model_dump() == second.model_dump()
    items = list(client.responses.input_items.list(second.id, limit=1))
    assert [item.type for item in items] == ["message", "message", "reasoning", "message"]
    assert items[0].content[0].text == "What is 9 - 2?"
    assert items[1].content[0].text == first.output_text
    client.responses.delete(first.id)
    client.responses.delete(second.id)
    for id in (first.id, second.id):
        with pytest.raises(openai.NotFoundError) as refusal:
            client.responses.retrieve(id)
        assert refusal.value.code == "response_not_found"
    with pytest.raises(openai.BadRequestError) as refusal:
        ask(client, "Hello", previous_response_id=first.id)
    assert refusal.value.param == "previous_response_id"


def test_an_answer_in_the_background(client):
    response = ask(client, "What is 37 * 48?", background=True)
    assert response.status in ("queued", "in_progress")
    deadline = time.monotonic() + PATIENCE_S
    while response.status in ("queued", "in_progress"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
        response = client.responses.retrieve(response.id)
    assert response.status == "completed"
    assert "1776" in response.output_text

    endless = {"extra_body": {"ignore_eos": True}, "max_output_tokens": 100_000}
    response = ask(client, "Hello!", background=True, **endless)
    assert client.responses.cancel(response.id).status == "cancelled"
    assert client.responses.retrieve(response.id).status == "cancelled"


def test_a_background_stream_is_taken_up_again(client):
    events = list(ask(client, "What is 12 + 30?", background=True, stream=True))
    assert events[-1].type == "response.completed"
    id = events[0].response.id
    again = list(client.responses.retrieve(id, stream=True, starting_after=9))
    assert [event.model_dump() for event in again] == [
        event.model_dump() for event in events[10:]
    ]


def test_limits_and_scores(client):
    response = ask(client, "What is 37 * 48?", max_output_tokens=5)
    assert response.status == "incomplete"
    assert response.incomplete_details.reason == "max_output_tokens"
    assert response.usage.output_tokens == 5
    include = ["message.output_text.logprobs"]
    response = ask(client, "What is 2 + 3?", include=include, top_logprobs=3)
    logprobs = response.output[-1].content[0].logprobs
    assert "".join(token.token for token in logprobs) == response.output_text
    assert all(len(token.top_logprobs) == 3 for token in logprobs)


def test_refusals_are_openais_exceptions(client):
    for options, param in (
        ({"truncation": "auto"}, "truncation"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
    ):
        with pytest.raises(openai.BadRequestError) as refusal:
            ask(client, "Hello", **options)
        assert refusal.value.param == param
