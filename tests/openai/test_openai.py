"""OpenAI's own client against throng: answers, tools, scores, refusals."""

import concurrent.futures
import json

import calculator
import openai
import pytest
from conftest import client_of
from serving import serving

MODEL = "nano"


def user(text):
    return {"role": "user", "content": text}


def ask(client, text, **options):
    """The whole answer to one question, most probable token by token."""
    options = {"temperature": 0, "reasoning_effort": "high"} | options
    return client.chat.completions.create(model=MODEL, messages=[user(text)], **options)


def test_models(client):
    models = client.models.list().data
    assert [model.id for model in models] == [MODEL]
    assert client.models.retrieve(MODEL).object == "model"


def test_answer_and_reasoning(client):
    answer = ask(client, "What is 37 * 48?")
    choice = answer.choices[0]
    assert choice.finish_reason == "stop"
    assert "1776" in choice.message.content
    assert choice.message.reasoning
    assert choice.message.reasoning == choice.message.reasoning_content
    usage = answer.usage
    assert 0 < usage.completion_tokens_details.reasoning_tokens < usage.completion_tokens
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_stream_is_the_same_answer(client):
    whole = ask(client, "What is 12 + 30?")
    chunks = list(
        ask(client, "What is 12 + 30?", stream=True, stream_options={"include_usage": True})
    )
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert deltas[0].role == "assistant"
    assert "".join(delta.content or "" for delta in deltas) == whole.choices[0].message.content
    reasoning = "".join(getattr(delta, "reasoning", None) or "" for delta in deltas)
    assert reasoning == whole.choices[0].message.reasoning
    streamed, asked = chunks[-1].usage, whole.usage
    assert streamed.total_tokens == asked.total_tokens
    assert streamed.completion_tokens_details == asked.completion_tokens_details
    assert [c.choices[0].finish_reason for c in chunks[:-1] if c.choices[0].finish_reason] == ["stop"]


def test_effort_decides_how_long_it_thinks(client):
    def reasoning_tokens(effort):
        answer = ask(client, "What is 37 * 48?", reasoning_effort=effort)
        return answer.usage.completion_tokens_details.reasoning_tokens

    assert reasoning_tokens("low") < reasoning_tokens("high")


def test_two_turns(client):
    messages, prompts = [user("What is 5 + 6?")], []
    for question in ("What is 9 - 2?", None):
        answer = client.chat.completions.create(model=MODEL, messages=messages, temperature=0)
        assert answer.choices[0].finish_reason == "stop"
        message = answer.choices[0].message
        assert message.content
        prompts.append(answer.usage.prompt_tokens)
        # As clients do: the whole message goes back, reasoning and nulls and all.
        messages += [message.model_dump(), user(question)]
    assert prompts[1] > prompts[0], "the first turn is part of the second prompt"


def test_tool_round_trip(client):
    messages = [user("What is 37 * 48?")]
    first = client.chat.completions.create(
        model=MODEL, messages=messages, tools=[calculator.TOOL], temperature=0
    )
    choice = first.choices[0]
    assert choice.finish_reason == "tool_calls"
    (call,) = choice.message.tool_calls
    assert call.function.name == "calculator"
    assert json.loads(call.function.arguments) == {"expression": "37 * 48"}
    result = {"role": "tool", "tool_call_id": call.id, "content": "1776"}
    second = client.chat.completions.create(
        model=MODEL, messages=[*messages, choice.message, result], tools=[calculator.TOOL], temperature=0
    )
    assert second.choices[0].finish_reason == "stop"
    assert "1776" in second.choices[0].message.content


def test_streamed_tool_call(client):
    chunks = ask(client, "What is 37 * 48?", tools=[calculator.TOOL], stream=True)
    name, arguments, reasons = "", "", []
    for chunk in chunks:
        choice = chunk.choices[0]
        reasons += [choice.finish_reason] if choice.finish_reason else []
        for call in choice.delta.tool_calls or []:
            name += call.function.name or ""
            arguments += call.function.arguments or ""
    assert (name, json.loads(arguments)) == ("calculator", {"expression": "37 * 48"})
    assert reasons == ["tool_calls"]


def test_no_call_where_none_is_wanted(client):
    answer = ask(client, "What is 3 + 4?", tools=[calculator.TOOL], tool_choice="none")
    assert answer.choices[0].message.tool_calls is None
    assert answer.choices[0].message.content


def test_json_schema(client):
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "integer"}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    answer = ask(client, "What is 7 * 8?", response_format=form)
    value = json.loads(answer.choices[0].message.content)
    assert list(value) == ["answer"]
    assert type(value["answer"]) is int


def test_a_prediction_changes_no_answer(client):
    question = "What is 12 + 30?"
    plain = ask(client, question)
    said = plain.choices[0].message.content

    def check(client, text):
        prediction = {"type": "content", "content": text}
        predicted = ask(client, question, prediction=prediction)
        assert predicted.choices[0].message == plain.choices[0].message
        parts = {"type": "content", "content": [{"type": "text", "text": text}]}
        chunks = ask(client, question, prediction=parts, stream=True)
        deltas = (chunk.choices[0].delta.content for chunk in chunks if chunk.choices)
        assert "".join(delta or "" for delta in deltas) == said
        return predicted.usage.completion_tokens_details.accepted_prediction_tokens

    for text in (said, "Nothing of the kind."):
        check(client, text)
    # Elsewhere it depends on what steps take how much is drafted.
    always = {"method": "ngram", "prompt_lookup_min": 64, "adaptive": False}
    with serving("--speculative-config", json.dumps(always)) as address:
        with client_of(address) as eager:
            assert check(eager, said) > check(eager, "Nothing of the kind.")
    with pytest.raises(openai.BadRequestError) as refusal:
        ask(client, question, prediction={"type": "text", "content": said})
    assert refusal.value.param == "prediction.type"


def test_stop_and_limits(client):
    answer = ask(client, "What is 37 * 48?", max_completion_tokens=3)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 3
    answer = ask(client, "What is 37 * 48?", stop=["177"])
    assert answer.choices[0].finish_reason == "stop"
    assert "177" not in answer.choices[0].message.content


def test_seeds_repeat(client):
    def once(seed):
        answer = ask(client, "Hello!", seed=seed, temperature=1.5)
        return answer.choices[0].message.content

    assert once(11) == once(11)


def test_chat_log_probabilities(client):
    answer = ask(client, "What is 2 + 3?", logprobs=True, top_logprobs=3)
    tokens = answer.choices[0].logprobs.content
    assert "".join(token.token for token in tokens) == answer.choices[0].message.content
    for token in tokens:
        assert len(token.top_logprobs) == 3
        assert token.top_logprobs[0].logprob == token.logprob <= 0


def test_completion_scores(client):
    options = {"model": MODEL, "temperature": 0}
    answer = client.completions.create(prompt="One two", max_tokens=5, logprobs=2, **options)
    columns = answer.choices[0].logprobs
    assert answer.usage.completion_tokens == len(columns.tokens) == len(columns.token_logprobs)
    echoed = client.completions.create(
        prompt="One two", max_tokens=5, logprobs=2, echo=True, **options
    )
    text, columns = echoed.choices[0].text, echoed.choices[0].logprobs
    assert text == "One two" + answer.choices[0].text
    assert columns.token_logprobs[0] is None
    assert all(logprob <= 0 for logprob in columns.token_logprobs[1:])
    prompt_tokens = echoed.usage.prompt_tokens
    assert "".join(columns.tokens[:prompt_tokens]) == "One two"
    # What the model was sure of alone, it is as sure of behind its scored prompt.
    assert columns.token_logprobs[prompt_tokens:] == answer.choices[0].logprobs.token_logprobs


def test_token_ids_in_and_out(client):
    named = client.completions.create(
        model=MODEL,
        prompt="What is 1 + 1?",
        max_tokens=0,
        echo=True,
        logprobs=0,
        extra_body={"return_tokens_as_token_ids": True},
    )
    ids = [int(name.removeprefix("token_id:")) for name in named.choices[0].logprobs.tokens]
    again = client.completions.create(model=MODEL, prompt=ids, max_tokens=0, echo=True)
    assert again.choices[0].text == "What is 1 + 1?"
    both = client.completions.create(
        model=MODEL, prompt=[ids, ids], max_tokens=4, temperature=0, extra_body={"ignore_eos": True}
    )
    assert both.choices[0].text == both.choices[1].text
    assert both.usage.completion_tokens == 8


def test_streamed_completion(client):
    options = {"model": MODEL, "prompt": "One two", "max_tokens": 8, "temperature": 0}
    whole = client.completions.create(**options).choices[0].text
    chunks = client.completions.create(stream=True, **options)
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole


def test_many_at_once_get_what_each_gets_alone(client):
    questions = [f"What is {a} + {b}?" for a, b in ((1, 2), (30, 4), (5, 60), (70, 8), (9, 10))]
    alone = [ask(client, question).choices[0].message.content for question in questions]
    with concurrent.futures.ThreadPoolExecutor(len(questions)) as pool:
        together = list(
            pool.map(lambda question: ask(client, question).choices[0].message.content, questions)
        )
    assert together == alone


def test_refusals_are_openais_exceptions(client):
    with pytest.raises(openai.NotFoundError) as refusal:
        client.chat.completions.create(model="gpt-5", messages=[user("Hello")])
    assert refusal.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as refusal:
        ask(client, "Hello", temperature=9)
    assert (refusal.value.param, refusal.value.type) == ("temperature", "invalid_request_error")
    with pytest.raises(openai.BadRequestError) as refusal:
        ask(client, "Hello", n=1000)
    assert refusal.value.param == "n"
    with pytest.raises(openai.BadRequestError) as refusal:
        ask(client, "too long " * 20_000)
    assert refusal.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError) as refusal:
        ask(client, "Hello", extra_body={"temprature": 1})
    assert (refusal.value.code, refusal.value.param) == ("unknown_parameter", "temprature")
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model=MODEL, input="Hello")


def test_a_client_that_leaves_is_forgotten(client):
    for _ in range(10):
        stream = client.completions.create(
            model=MODEL,
            prompt="One",
            stream=True,
            max_tokens=100_000,
            extra_body={"ignore_eos": True},
        )
        next(iter(stream))
        stream.close()
    assert ask(client, "What is 2 + 3?").choices[0].finish_reason == "stop"
