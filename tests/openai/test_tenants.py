"""OpenAI's own client as one of many: keys, several answers, the cache, deadlines, metrics."""

import urllib.request

import openai
import pytest
from conftest import client_of
from prometheus_client.parser import text_string_to_metric_families

MODEL = "nano"
STORY = "This is a long story that two people begin alike. " * 8


def ask(client, text, **options):
    messages = [{"role": "user", "content": text}]
    options = {"temperature": 0, "reasoning_effort": "low"} | options
    return client.chat.completions.create(model=MODEL, messages=messages, **options)


def samples(server):
    """What /metrics says, by Prometheus's own reader: values by name and labels."""
    with urllib.request.urlopen(f"{server}/metrics") as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = response.read().decode()
    assert "sk-" not in text, "no key is shown"
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def tenant(server, name, tenant):
    return samples(server).get((name, ("model_name", MODEL), ("tenant", tenant)), 0)


def test_keys_are_needed_where_there_are_keys(locked):
    for key in ("sk-wrong", "none"):
        with client_of(locked, key) as client, pytest.raises(openai.AuthenticationError) as refusal:
            client.models.list()
        assert refusal.value.code == "invalid_api_key"
        assert key not in refusal.value.message
    before = tenant(locked, "throng:tenant_generation_tokens_total", "alice")
    with client_of(locked, "sk-alice") as client:
        answer = ask(client, "What is 2 + 2?")
    after = tenant(locked, "throng:tenant_generation_tokens_total", "alice")
    assert after - before == answer.usage.completion_tokens


def test_a_limit_is_an_error_that_the_client_knows(locked):
    with client_of(locked, "sk-erin") as client:
        first = client.chat.completions.with_raw_response.create(
            model=MODEL,
            messages=[{"role": "user", "content": "What is 2 + 2?"}],
            max_tokens=5,
            extra_headers={"x-request-id": "of-a-test"},
        )
        assert first.headers["x-ratelimit-remaining-requests"] == "1"
        assert int(first.headers["x-ratelimit-remaining-tokens"]) < 100_000
        assert first.parse()._request_id == "of-a-test"
        ask(client, "What is 2 + 2?", max_tokens=5)
        with pytest.raises(openai.RateLimitError) as refusal:
            ask(client, "What is 2 + 2?", max_tokens=5)
        assert (refusal.value.code, refusal.value.type) == ("rate_limit_exceeded", "requests")
        assert 0 < int(refusal.value.response.headers["retry-after"]) <= 30
        assert refusal.value.request_id.startswith("req-")
        assert client.models.list().data[0].id == MODEL


def test_a_model_that_is_not_allowed_is_not_found(locked):
    with client_of(locked, "sk-frank") as client:
        assert client.models.list().data == []
        with pytest.raises(openai.NotFoundError) as refusal:
            ask(client, "What is 2 + 2?")
        assert refusal.value.code == "model_not_found"


def test_cached_tokens_are_those_of_the_tenant(locked):
    def cached(client, **options):
        usage = ask(client, STORY, max_tokens=1, **options).usage
        assert usage.prompt_tokens_details.cached_tokens < usage.prompt_tokens
        return usage.prompt_tokens_details.cached_tokens

    with client_of(locked, "sk-carol") as carol, client_of(locked, "sk-dave") as dave:
        assert cached(carol) == 0
        assert cached(carol) > 0
        assert cached(dave) == 0
        assert cached(dave) > 0
        assert cached(dave, extra_body={"cache_salt": "of its own"}) == 0


def test_several_answers_to_one_prompt(client):
    whole = ask(client, "What is 3 + 4?", n=3)
    assert [choice.index for choice in whole.choices] == [0, 1, 2]
    alone = ask(client, "What is 3 + 4?")
    contents = [choice.message.content for choice in whole.choices]
    assert contents == [alone.choices[0].message.content] * 3
    assert whole.usage.prompt_tokens == alone.usage.prompt_tokens
    assert whole.usage.completion_tokens == 3 * alone.usage.completion_tokens
    streamed = ["", "", ""]
    for chunk in ask(client, "What is 3 + 4?", n=3, stream=True):
        for choice in chunk.choices:
            streamed[choice.index] += choice.delta.content or ""
    assert streamed == contents


def test_each_answer_draws_by_itself_and_the_first_as_if_alone(client):
    def drawn(n):
        answer = client.completions.create(
            model=MODEL,
            prompt="One",
            n=n,
            best_of=n,
            seed=7,
            temperature=2,
            max_tokens=60,
            extra_body={"ignore_eos": True},
        )
        return [choice.text for choice in answer.choices]

    three = drawn(3)
    assert len(set(three)) == 3
    assert drawn(1) == three[:1]
    assert drawn(3) == three


def test_an_answer_that_takes_too_long_is_an_error(client):
    endless = {"ignore_eos": True, "timeout": 0.05}
    with pytest.raises(openai.InternalServerError) as refusal:
        ask(client, "Hello!", max_tokens=100_000, extra_body=endless)
    assert (refusal.value.status_code, refusal.value.type) == (504, "timeout")


def test_metrics_are_what_prometheus_reads(server, client):
    def count(name, *labels):
        return samples(server)[(name, *sorted([("model_name", MODEL), *labels]))]

    stops = ("throng:request_success_total", ("finished_reason", "stop"))
    before = count(*stops), count("throng:generation_tokens_total")
    usage = ask(client, "What is 3 + 4?").usage
    after = count(*stops), count("throng:generation_tokens_total")
    assert after[0] - before[0] == 1
    assert after[1] - before[1] == usage.completion_tokens
    assert count("throng:time_to_first_token_seconds_count") >= after[0]
    assert count("throng:kv_cache_blocks", ("pool", "window"), ("state", "free")) > 0
