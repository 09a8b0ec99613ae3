"""The page to read the API by, in a headless Chromium.

Screenshots go to target/page/, for whoever changed the page to look at.
"""

import json
import urllib.request

import pytest
from browsing import browser, find, fits, look, shoot, size, text, wait  # noqa: F401
from selenium.webdriver.common.keys import Keys


@pytest.fixture
def docs(browser, server):  # noqa: F811
    """The page, fresh; its console must stay without complaints."""
    size(browser, 1200, 860)
    look(browser, "light")
    browser.get(f"{server}/docs")
    wait(browser, lambda: find(browser, "main[aria-busy=false]"))
    yield browser
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_every_operation_is_there_with_all_its_parameters(docs, server):
    with urllib.request.urlopen(f"{server}/openapi.json") as response:
        api = json.load(response)
    operations = [one for methods in api["paths"].values() for one in methods.values()]
    assert len(find(docs, "article")) == len(operations) == len(find(docs, ".contents li a"))
    for operation in operations:
        (article,) = find(docs, f"#{operation['operationId']}")
        assert operation["summary"] in article.text
        statuses = [element.text for element in find(docs, f"#{operation['operationId']} .status")]
        assert statuses == list(operation["responses"])
    request = api["components"]["schemas"]["ChatCompletionRequest"]
    names = [element.text for element in find(docs, "#createChatCompletion > dl > dt > code")]
    assert names == list(request["properties"])
    assert "0 to 2" in find(docs, "#createChatCompletion > dl")[0].text
    assert find(docs, ".failure") == []
    shoot(docs, "docs")


def test_named_schemas_unfold(docs):
    (inner, *_) = find(docs, "#createChatCompletion .inner > summary")
    inner.click()
    wait(docs, lambda: find(docs, "#createChatCompletion .inner dl"))
    (answer, *_) = find(docs, "#createChatCompletion .answer > summary")
    answer.click()
    wait(docs, lambda: find(docs, "#createChatCompletion .answer dl"))
    docs.execute_script("arguments[0].scrollIntoView()", answer)
    shoot(docs, "docs-unfolded")


def test_a_request_can_be_tried(docs):
    for operation in ("tokenize", "createChatCompletion", "retrieveModel"):
        (trial,) = find(docs, f"#{operation} .trial > summary")
        docs.execute_script("arguments[0].scrollIntoView()", trial)
        trial.click()
        find(docs, f"#{operation} .primary")[0].click()
        shown = f"#{operation} .shown"
        wait(docs, lambda: text(docs, shown).startswith("200") and text(docs, shown).endswith("}"))
        json.loads(text(docs, shown).split("\n\n", 1)[1])
    shoot(docs, "docs-tried")


def test_a_stream_is_shown_as_it_comes(docs):
    (trial,) = find(docs, "#createCompletion .trial > summary")
    docs.execute_script("arguments[0].scrollIntoView()", trial)
    trial.click()
    (body,) = find(docs, "#createCompletion-body")
    body.send_keys(Keys.CONTROL + "a")
    body.send_keys('{"model": "nano", "prompt": "One", "stream": true}')
    find(docs, "#createCompletion .primary")[0].click()
    wait(docs, lambda: "data: [DONE]" in text(docs, "#createCompletion .shown"))


def test_a_key_is_sent_where_one_is_needed(browser, locked):  # noqa: F811
    browser.get(f"{locked}/docs")
    wait(browser, lambda: find(browser, "main[aria-busy=false]"))
    find(browser, "#key")[0].send_keys("sk-bob", Keys.TAB)
    (trial,) = find(browser, "#listModels .trial > summary")
    browser.execute_script("arguments[0].scrollIntoView()", trial)
    trial.click()
    find(browser, "#listModels .primary")[0].click()
    wait(browser, lambda: text(browser, "#listModels .shown").startswith("200"))


def test_it_fits_a_phone_in_the_dark(docs):
    size(docs, 390, 780)
    look(docs, "dark")
    assert not find(docs, "#groups")[0].is_displayed()
    shoot(docs, "docs-phone")
    assert fits(docs, 390)
    find(docs, "#contents > summary")[0].click()
    wait(docs, lambda: find(docs, "#groups")[0].is_displayed())
    shoot(docs, "docs-phone-contents")
