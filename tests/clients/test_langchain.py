"""langchain-openai against throng."""

import asyncio

import calculator
import openai
import pydantic
import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

QUESTION = "What is 37 * 48?"


class Answer(pydantic.BaseModel):
    """A form that the model knows."""

    answer: int


@tool("calculator")
def calculate(expression: str) -> str:
    """Evaluates an arithmetic expression."""
    return calculator.evaluate(expression)


@pytest.fixture(params=[False, True], ids=["chat", "responses"])
def model(server, request):
    """The model as langchain sees it, through one endpoint and through the other."""
    return ChatOpenAI(
        model="nano",
        base_url=f"{server}/v1",
        api_key="none",
        temperature=0,
        reasoning_effort="high",
        max_retries=0,
        stream_usage=True,
        use_responses_api=request.param,
    )


@pytest.fixture(scope="module")
def loop():
    """One event loop for all, since langchain shares one asynchronous client."""
    with asyncio.Runner() as runner:
        yield runner


def test_an_answer(model):
    answer = model.invoke([("system", "You are a helpful assistant."), ("human", QUESTION)])
    assert "1776" in answer.text
    told = answer.response_metadata
    if model.use_responses_api:
        assert (told["object"], told["status"]) == ("response", "completed")
    else:
        assert told["finish_reason"] == "stop"
    usage = answer.usage_metadata
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["output_token_details"]["reasoning"] > 0


def test_a_stream(model):
    chunks = list(model.stream(QUESTION))
    assert len(chunks) > 2
    whole = sum(chunks[1:], chunks[0])
    assert whole.text == model.invoke(QUESTION).text
    assert whole.usage_metadata["output_tokens"] > 0


def test_many_at_once(model):
    numbers = range(12, 18)
    answers = model.batch([f"What is {number} + 30?" for number in numbers])
    for number, answer in zip(numbers, answers, strict=True):
        assert str(number + 30) in answer.text


def test_the_asynchronous_client(model, loop):
    assert "1776" in loop.run(model.ainvoke(QUESTION)).text


def test_a_tool_loop(model):
    able = model.bind_tools([calculate])
    messages = [HumanMessage(QUESTION)]
    messages.append(able.invoke(messages))
    (call,) = messages[-1].tool_calls
    assert (call["name"], call["args"]) == ("calculator", {"expression": "37 * 48"})
    messages.append(calculate.invoke(call))
    assert isinstance(messages[-1], ToolMessage)
    final = able.invoke(messages)
    assert not final.tool_calls
    assert "1776" in final.text


def test_a_conversation_that_the_server_keeps(model):
    if not model.use_responses_api:
        pytest.skip("chats are not kept")
    keen = model.model_copy(update={"use_previous_response_id": True})
    messages = [HumanMessage("What is 5 + 6?")]
    messages.append(keen.invoke(messages))
    assert "11" in messages[-1].text
    messages.append(HumanMessage("What is 9 - 2?"))
    second = keen.invoke(messages)
    assert "7" in second.text
    # The first question and its answer were not sent, and still are a part of the prompt.
    alone = keen.invoke(messages[-1:])
    assert second.usage_metadata["input_tokens"] > alone.usage_metadata["input_tokens"]


def test_a_streamed_call(model):
    chunks = list(model.bind_tools([calculate]).stream(QUESTION))
    whole = sum(chunks[1:], chunks[0])
    assert [call["args"] for call in whole.tool_calls] == [{"expression": "37 * 48"}]
    assert not whole.invalid_tool_calls


@pytest.mark.parametrize("strict", [None, True])
def test_a_form(model, strict):
    formed = model.with_structured_output(Answer, method="json_schema", strict=strict)
    assert formed.invoke("What is 7 * 8?") == Answer(answer=56)


def test_any_json(model):
    formed = model.with_structured_output(method="json_mode")
    assert isinstance(formed.invoke("What is 7 * 8? Answer in JSON."), dict)


def test_what_is_wrong_is_an_exception(model):
    with pytest.raises(openai.NotFoundError):
        model.model_copy(update={"model_name": "other"}).invoke(QUESTION)
    with pytest.raises(openai.BadRequestError):
        model.invoke(QUESTION, temperature=9)
