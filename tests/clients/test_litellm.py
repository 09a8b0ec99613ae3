"""litellm against throng, as a server that speaks OpenAI's language and as one of vLLM's kind."""

import asyncio
import json

import calculator
import litellm
import pydantic
import pytest

PROVIDERS = ("openai", "hosted_vllm")


class Answer(pydantic.BaseModel):
    """A form that the model knows."""

    answer: int


@pytest.fixture(params=PROVIDERS)
def ask(request, server):
    """Asks with one of the providers; the answer."""

    def asked(text, function=litellm.completion, **options):
        messages = [{"role": "user", "content": text}]
        defaults = {"messages": messages, "temperature": 0, "reasoning_effort": "high"}
        return function(
            model=f"{request.param}/nano",
            api_base=f"{server}/v1",
            api_key="none",
            num_retries=0,
            allowed_openai_params=["reasoning_effort"],
            **defaults | options,
        )

    return asked


def test_an_answer(ask):
    answer = ask("What is 37 * 48?")
    choice = answer.choices[0]
    assert choice.finish_reason == "stop"
    assert "1776" in choice.message.content
    assert choice.message.reasoning_content
    assert answer.usage.completion_tokens_details.reasoning_tokens > 0


def test_a_stream(ask):
    chunks = list(ask("What is 37 * 48?", stream=True))
    streamed = litellm.stream_chunk_builder(chunks).choices[0].message
    whole = ask("What is 37 * 48?").choices[0].message
    assert streamed.content == whole.content
    assert streamed.reasoning_content == whole.reasoning_content


def test_the_asynchronous_client(ask):
    answer = asyncio.run(ask("What is 12 + 30?", litellm.acompletion))
    assert "42" in answer.choices[0].message.content


def test_a_tool_loop(ask):
    messages = [{"role": "user", "content": "What is 37 * 48?"}]
    first = ask("", messages=messages, tools=[calculator.TOOL]).choices[0]
    assert first.finish_reason == "tool_calls"
    (call,) = first.message.tool_calls
    arguments = json.loads(call.function.arguments)
    said = calculator.evaluate(arguments["expression"])
    messages += [first.message, {"role": "tool", "tool_call_id": call.id, "content": said}]
    second = ask("", messages=messages, tools=[calculator.TOOL]).choices[0]
    assert second.finish_reason == "stop"
    assert "1776" in second.message.content


def test_a_streamed_call(ask):
    chunks = list(ask("What is 37 * 48?", tools=[calculator.TOOL], stream=True))
    (call,) = litellm.stream_chunk_builder(chunks).choices[0].message.tool_calls
    assert call.function.name == "calculator"
    assert json.loads(call.function.arguments) == {"expression": "37 * 48"}


def test_a_form(ask):
    content = ask("What is 7 * 8?", response_format=Answer).choices[0].message.content
    assert Answer.model_validate_json(content) == Answer(answer=56)


def test_what_is_wrong_is_an_exception(ask):
    with pytest.raises(litellm.BadRequestError, match="temperature"):
        ask("Hello!", temperature=9)
    with pytest.raises(litellm.ContextWindowExceededError):
        ask("too long " * 20_000)
    with pytest.raises(litellm.NotFoundError, match="served"):
        ask("Hello!", model_id="other", extra_body={"model": "other"})
    with pytest.raises(litellm.Timeout):
        ask("Hello!", timeout=0.2, max_tokens=4000, extra_body={"ignore_eos": True})


def test_a_raw_completion(server):
    answer = litellm.text_completion(
        model="text-completion-openai/nano",
        prompt="One two",
        api_base=f"{server}/v1",
        api_key="none",
        max_tokens=8,
        temperature=0,
        num_retries=0,
    )
    assert answer.choices[0].text
    assert answer.usage.completion_tokens <= 8
