"""What schemathesis is told of throng: what a request may cost, and what may be refused."""

import collections
import json
import os

import schemathesis

# Parameters with the most that a request of these tests asks for.
MOST = {"max_tokens": 4, "max_completion_tokens": 4, "max_output_tokens": 4, "min_tokens": 2, "n": 2}
# Which parameter says how long an answer may be.
LENGTH = {
    "/v1/chat/completions": "max_tokens",
    "/v1/completions": "max_tokens",
    "/v1/responses": "max_output_tokens",
}
# Refusals of what the document does not allow. Other codes are also for what a schema cannot say.
OF_THE_FORM = {"invalid_type", "missing_required_parameter", "unknown_parameter"}

# How often an operation answered how, for those who run the tests.
answers = collections.Counter()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Lets the request name the model that is served, and ask for little. What the document forbids
    stays forbidden."""
    if not isinstance(case.body, dict):
        return
    body = dict(case.body)
    if isinstance(body.get("model"), str):
        body["model"] = "nano"
    for name, most in MOST.items():
        if type(body.get(name)) is int and most < body[name] < 2**32:
            body[name] = most
    if length := LENGTH.get(case.path):
        body.setdefault(length, MOST[length])
        # Random bodies that are answered hardly ever ask for this; the same ones do in every run.
        bytes_of_body = len(json.dumps(body))
        if bytes_of_body % 3 == 0:
            body.setdefault("stream", True)
        # Only such a response can be cancelled.
        if case.path == "/v1/responses" and body.get("store") is not False and bytes_of_body % 2:
            body.setdefault("background", True)
    # An answer that is out of time is a 504, and no fault of the server's.
    if type(body.get("timeout")) in (int, float) and 0 < body["timeout"] < 60:
        body["timeout"] = 60
    case.body = body


@schemathesis.hook
def after_call(context, case, response):
    """Counts."""
    operation = f"{case.method} {case.path}"
    answers[operation, response.status_code] += 1
    if response.headers.get("content-type", [""])[0] == "text/event-stream":
        answers[f"{operation}, in a stream", response.status_code] += 1
    with open(os.environ["THRONG_COUNTS"], "w", encoding="utf-8") as file:
        json.dump([[*key, count] for key, count in answers.items()], file)


@schemathesis.check
def what_the_document_allows_is_understood(ctx, response, case):
    """The server knows every parameter of the document, with the types that the document says."""
    meta = case.meta
    if response.status_code != 400 or meta is None or not meta.generation.mode.is_positive:
        return
    error = response.json()["error"]
    # To JSON Schema 1.0 is an integer, to this API as to OpenAI's it is none.
    if not error["message"].endswith("not a fraction"):
        assert error["code"] not in OF_THE_FORM, error["message"]
