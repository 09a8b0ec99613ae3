"""What the two commands take for a failure, and what their schemas are."""

import collections
import http.server
import json
import threading

import asking
import forms
import jsonschema
import pytest
import schemas
import turns
from toolsets import TOOLSETS

SCHEMAS = [schemas.schema(number) for number in range(500)]
CLOSED = schemas.closed(day={"type": "string", "format": "date"}, size={"multipleOf": 0.01})


def test_a_schema_is_that_of_its_number():
    assert [schemas.schema(number) for number in range(500)] == SCHEMAS
    assert len({json.dumps(schema) for _, schema in SCHEMAS}) > 490


def test_schemas_are_schemas():
    for _, schema in SCHEMAS:
        forms.VALIDATOR.check_schema(schema)


def test_every_keyword_that_the_api_names_is_in_some():
    found = collections.Counter(w for _, schema in SCHEMAS for w in set(schemas.keywords(schema)))
    named = (
        "type enum const anyOf allOf oneOf $ref properties required additionalProperties "
        "patternProperties minProperties maxProperties items prefixItems minItems maxItems "
        "minLength maxLength pattern format minimum maximum exclusiveMinimum exclusiveMaximum "
        "multipleOf"
    )
    assert {word for word in named.split() if found[word] < 5} == set()


@pytest.mark.parametrize("name", schemas.FORMATS)
def test_formats_are_checked(name):
    assert forms.complaint({"format": name}, '"¡no!"')


def test_right_and_wrong_texts_are_told_apart():
    assert forms.complaint(CLOSED, '{"day": "2024-02-29", "size": 0.07}') is None
    assert forms.complaint(CLOSED, '{"day": "2023-02-29", "size": 0.07}')
    assert forms.complaint(CLOSED, '{"day": "2024-02-29", "size": 0.075}')
    assert forms.complaint(CLOSED, '{"day": "2024-02-29"}')
    assert forms.complaint(CLOSED, '{"day": "2024-02-29", "size": 1, "more": 1}')
    assert forms.complaint(CLOSED, '{"day": "2024-02-')
    assert forms.complaint({"type": "number"}, "NaN")
    assert forms.complaint({"type": "integer"}, "1.0") is None
    assert forms.complaint({"type": "integer"}, "1.5")
    assert forms.complaint({"type": "number", "maximum": 5}, "1e999999999")


def answered(finish, content="", calls=(), **more):
    message = {"content": content, "tool_calls": list(calls)} | more
    return asking.Answer(message, finish)


def test_what_becomes_of_an_answer():
    assert forms.judged({}, answered("stop", "1"))[0] == "valid"
    assert forms.judged({}, answered("stop", ""))[0] == "invalid"
    assert forms.judged({}, answered("length", "[1,"))[0] == "cut"
    assert forms.judged({}, answered("tool_calls"))[0] == "error"
    assert forms.judged({}, asking.Answer(wrong="late"))[0] == "late"


def call(name, arguments):
    return {"id": "call_0", "type": "function", "function": {"name": name, "arguments": arguments}}


def faults(answer, tools="strict", choice="auto"):
    turn = turns.Turn(0, tools, {"tools": TOOLSETS[tools], "tool_choice": choice}, answer, [])
    turns.judge(turn)
    return turn.faults + ["loose"] * turn.loose


def test_faults_of_turns():
    good = call("get_weather", '{"city": "Oslo", "unit": "celsius"}')
    assert faults(answered("tool_calls", calls=[good])) == []
    assert faults(answered("stop", "Rain.")) == []
    assert faults(answered("length", "")) == []
    assert faults(answered("stop", " ")) == ["empty"]
    assert faults(answered("stop", calls=[good])) == ["finish"]
    assert faults(answered("tool_calls", "Rain.")) == ["finish"]
    assert faults(answered("stop", "Rain.<|end|>")) == ["leaked"]
    assert faults(answered("stop", "Rain.", reasoning="<|start|>")) == ["leaked"]
    assert faults(asking.Answer(wrong="late")) == ["late"]
    for arguments, fault in (("{", "broken"), ("[]", "broken"), ("{}", "strict")):
        assert faults(answered("tool_calls", calls=[call("get_weather", arguments)])) == [fault]
    assert faults(answered("tool_calls", calls=[call("weather", "{}")])) == ["unknown"]
    assert faults(answered("tool_calls", calls=[call("calculator", "{}")]), "two") == ["loose"]
    assert faults(answered("tool_calls", calls=[good]), choice="none") == ["choice"]
    assert faults(answered("stop", "Rain."), choice="required") == ["choice"]
    named = {"type": "function", "function": {"name": "calculator"}}
    assert faults(answered("tool_calls", calls=[good]), "two", named)[0] == "choice"


@pytest.fixture
def scripted():
    """A server that answers each request with the status and the text it is given; the address."""
    replies = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            status, text = replies.pop(0)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", replies
        server.shutdown()


def test_streams_are_put_together(scripted):
    base, replies = scripted
    pieces = [
        {"index": 0, "id": "call_0", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"a"'}},
        {"index": 0, "function": {"arguments": ": 1}"}},
    ]
    deltas = [{"content": "A"}, {"content": "B"}, *({"tool_calls": [piece]} for piece in pieces)]
    chunks = [{"choices": [{"delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]})
    chunks.append({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 9}})
    lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    replies.append((200, "".join(lines) + "data: [DONE]\n\n"))
    answer = asking.ask(base, {"stream": True}, 10)
    assert (answer.content, answer.finish, answer.tokens) == ("AB", "tool_calls", 9)
    assert answer.calls == [call("f", '{"a": 1}')]


@pytest.mark.parametrize(
    "status, text, stream, wrong",
    [
        (400, "{}", False, "refused"),
        (503, "{}", True, "error"),
        (200, "no JSON", False, "error"),
        (200, "data: {}\n\n", True, "error"),
        (200, 'data: {"error": {"message": "broken"}}\n\ndata: [DONE]\n\n', True, "error"),
        (200, 'data: {"choices": []}\n\n', True, "error"),
    ],
)
def test_answers_that_are_none(scripted, status, text, stream, wrong):
    base, replies = scripted
    replies.append((status, text))
    assert asking.ask(base, {"stream": stream}, 10).wrong == wrong


def test_a_deadline_ends_the_wait():
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as silent:
        answer = asking.ask(f"http://127.0.0.1:{silent.server_port}", {}, 0.1)
    assert answer.wrong == "late"


def test_failures_show_in_the_status(scripted, monkeypatch, capsys):
    base, replies = scripted
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    choice = {"message": {"content": "no JSON"}, "finish_reason": "stop"}
    replies += [(200, json.dumps({"choices": [choice], "usage": usage}))] * 3
    told = ["forms", "--base", base, "--schemas", "3", "--answers", "1", "--concurrency", "1"]
    monkeypatch.setattr("sys.argv", told)
    with pytest.raises(SystemExit, match="3 failures"):
        forms.main()
    assert "no JSON" in capsys.readouterr().out


def test_offered_functions_have_schemas():
    for tools in TOOLSETS.values():
        for tool in tools:
            schema = tool["function"].get("parameters", {})
            jsonschema.Draft202012Validator.check_schema(schema)
