"""The chat page in a headless Chromium, as a person uses it.

Screenshots go to target/page/, for whoever changed the page to look at.
"""

import json
import os
import pathlib
import re
import shutil
import tempfile

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

SHOTS = pathlib.Path(__file__).parents[2] / "target/page"
PATIENCE_S = 120
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    # Whatever else the browser would like to reach, it reaches this machine alone.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@pytest.fixture(scope="module")
def browser():
    driver = shutil.which("chromedriver")
    if driver is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs Debian's chromium and chromium-driver")
        pytest.skip("no chromedriver: install Debian's chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    with tempfile.TemporaryDirectory() as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService(executable_path=driver)
        browser = webdriver.Chrome(options=options, service=service)
        yield browser
        browser.quit()


@pytest.fixture
def page(browser, server):
    """The page, fresh; its console must stay without complaints."""
    size(browser, 1200, 860)
    look(browser, "light")
    browser.get(server)
    wait(browser, lambda: text(browser, "#model") == "nano")
    yield browser
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def size(browser, width, height):
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def look(browser, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def wait(browser, condition):
    return WebDriverWait(browser, PATIENCE_S, poll_frequency=0.05).until(lambda _: condition())


def find(browser, selector):
    return browser.find_elements(By.CSS_SELECTOR, selector)


def text(browser, selector):
    return find(browser, selector)[0].text


def shoot(browser, name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    assert browser.save_screenshot(str(SHOTS / f"{name}.png"))


def answered(browser, count):
    """Waits until so many answers are complete."""
    wait(browser, lambda: len(find(browser, ".assistant[aria-busy=false]")) == count)


def ask(browser, words):
    find(browser, "#question")[0].send_keys(words, Keys.ENTER)


def record_requests(browser):
    """Keeps what the page sends from now on, for `last_questions`."""
    browser.execute_script(
        "const send = window.fetch; window.sent = [];"
        "window.fetch = (url, options) => { window.sent.push(options.body); return send(url, options); };"
    )


def last_questions(browser):
    messages = json.loads(browser.execute_script("return window.sent.at(-1)"))["messages"]
    return [message["content"] for message in messages if message["role"] == "user"]


def test_a_question_is_answered_with_the_reasoning_folded(page):
    shoot(page, "welcome")
    assert page.switch_to.active_element.get_attribute("id") == "question"
    find(page, "input[value=high] + span")[0].click()
    ask(page, "What is 37 * 48?")
    assert text(page, ".turn.user") == "What is 37 * 48?"
    answered(page, 1)
    assert "1776" in text(page, ".content")
    (thought,) = find(page, ".thought")
    assert thought.get_attribute("open") is None, "folded once the answer is there"
    assert re.fullmatch(r"Thought for (\d+ ms|\d+\.\d s), \d+ tokens", text(page, ".thought summary"))
    assert re.search(r"\d tokens/s", text(page, ".facts .rate"))
    assert re.search(r"first token after \d", text(page, ".facts .first"))
    assert not find(page, "#welcome")[0].is_displayed()
    shoot(page, "answer")
    find(page, ".thought summary")[0].click()
    assert len(text(page, ".thought .text")) > 10
    ask(page, "What is 5 + 6?")
    answered(page, 2)
    assert find(page, ".content")[1].text
    shoot(page, "second-turn")


def test_a_suggestion_starts_a_chat_and_clearing_ends_it(page):
    suggestions = find(page, "#suggestions button")
    assert len(suggestions) >= 3
    words = suggestions[0].text
    suggestions[0].click()
    assert text(page, ".turn.user") == words
    answered(page, 1)
    assert "1776" in find(page, ".content")[0].text, "the suggestion sets the effort it needs"
    find(page, "#clear")[0].click()
    assert find(page, ".turn") == []
    assert find(page, "#welcome")[0].is_displayed()


def test_an_answer_can_be_stopped(page):
    """The network is slowed so that there is time to see the model think, and to stop it."""
    slow = {"offline": False, "latency": 0, "downloadThroughput": 4000, "uploadThroughput": -1}
    page.execute_cdp_cmd("Network.enable", {})
    page.execute_cdp_cmd("Network.emulateNetworkConditions", slow)
    find(page, "input[value=high] + span")[0].click()
    ask(page, "What is 37 * 48?")
    wait(page, lambda: find(page, ".thought.live[open] .text") and text(page, ".thought .text"))
    assert text(page, ".thought summary").startswith("Thinking…")
    assert find(page, "#send")[0].get_attribute("aria-label") == "Stop"
    shoot(page, "thinking")
    find(page, "#send")[0].click()
    answered(page, 1)
    assert "stopped" in text(page, ".facts")
    assert find(page, "#send")[0].get_attribute("aria-label") == "Send"
    fast = slow | {"downloadThroughput": -1}
    page.execute_cdp_cmd("Network.emulateNetworkConditions", fast)
    record_requests(page)
    ask(page, "What is 2 + 2?")
    answered(page, 2)
    assert last_questions(page) == ["What is 2 + 2?"], "the other one has no answer"
    ask(page, "And 3 + 3?")
    answered(page, 3)
    assert last_questions(page) == ["What is 2 + 2?", "And 3 + 3?"]


def test_markup_is_shown_and_not_run(page):
    ask(page, "<img src=x onerror=\"document.title='run'\"><b>bold</b>")
    answered(page, 1)
    assert "<b>bold</b>" in text(page, ".turn.user")
    assert find(page, ".turn img") == [] and find(page, ".turn.user b") == []
    assert page.title != "run"


def test_markdown_becomes_nodes_without_markup_running(page):
    source = "# Head\n\n**bold** and `x < 1` *it*\n- one\n- <i>two</i>\n\n```c\nif (a < b)\n```"
    html = page.execute_async_script(
        "const [source, done] = arguments;"
        "import('/page/markdown.js').then(({ markdown }) => {"
        "  const box = document.createElement('div'); box.append(...markdown(source));"
        "  done(box.innerHTML); });",
        source,
    )
    assert html == (
        "<h3>Head</h3><p><strong>bold</strong> and <code>x &lt; 1</code> <em>it</em></p>"
        "<ul><li>one</li><li>&lt;i&gt;two&lt;/i&gt;</li></ul>"
        "<pre><code>if (a &lt; b)</code></pre>"
    )


def test_shift_enter_starts_a_line(page):
    question = find(page, "#question")[0]
    question.send_keys("first", Keys.SHIFT + Keys.ENTER)
    question.send_keys(Keys.NULL, "second")
    assert question.get_property("value") == "first\nsecond"
    assert find(page, ".turn") == []


def test_instructions_are_sent_and_errors_are_shown(page):
    find(page, "#instruct")[0].click()
    page.execute_script(
        "const system = document.getElementById('system');"
        "system.value = 'word '.repeat(100000); system.dispatchEvent(new Event('input'));"
    )
    ask(page, "Hello")
    wait(page, lambda: find(page, ".failure"))
    assert "maximum context length" in text(page, ".failure")
    shoot(page, "failure")
    find(page, "#system")[0].clear()
    find(page, ".failure button")[0].click()
    answered(page, 1)
    assert find(page, ".failure") == []
    # The browser logs the refusal, as it should.
    page.get_log("browser")


def test_a_server_with_keys_asks_for_one(browser, locked):
    browser.get(locked)
    wait(browser, lambda: text(browser, "#model") == "no model")
    key = find(browser, "#key")[0]
    wait(browser, lambda: browser.switch_to.active_element == key)
    shoot(browser, "key")
    key.send_keys("sk-bob", Keys.TAB)
    wait(browser, lambda: text(browser, "#model") == "nano")
    ask(browser, "What is 5 + 6?")
    answered(browser, 1)
    assert find(browser, ".failure") == []
    browser.refresh()
    wait(browser, lambda: text(browser, "#model") == "nano")
    # The browser logs the refusal, as it should.
    browser.get_log("browser")


def test_a_question_that_failed_is_not_asked_again_with_the_next(page):
    record_requests(page)
    ask(page, "word " * 10)
    answered(page, 1)
    page.execute_script(
        "const send = window.fetch;"
        "window.fetch = () => { window.fetch = send; return Promise.reject(new Error('gone')); };"
    )
    ask(page, "Hello")
    wait(page, lambda: find(page, ".failure button"))
    ask(page, "What is 2 + 2?")
    answered(page, 3)
    assert find(page, ".failure button") == [], "to try it again would be out of turn"
    assert last_questions(page) == [("word " * 10).strip(), "What is 2 + 2?"]


def test_it_fits_a_phone_in_the_dark(page):
    size(page, 390, 780)
    look(page, "dark")
    shoot(page, "phone-welcome")
    ask(page, "What is 12 * 12?")
    answered(page, 1)
    shoot(page, "phone-dark")
    assert page.execute_script("return document.documentElement.scrollWidth") <= 390
    assert page.execute_script("return getComputedStyle(document.body).backgroundColor") != (
        "rgb(250, 249, 246)"
    )
