"""The chat page in a headless Chromium, for the tests that use it as a person does.

Screenshots go to target/page/, for whoever changed the page to look at.
"""

import json
import os
import pathlib
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


@pytest.fixture(scope="session")
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
    slow_down(browser, False)
    browser.get(server)
    browser.execute_script("localStorage.clear(); sessionStorage.clear();")
    browser.get(server)
    ready(browser)
    yield browser
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def ready(browser):
    wait(browser, lambda: text(browser, "#model") == "nano")


def size(browser, width, height):
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def look(browser, scheme, motion="no-preference"):
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": motion},
    ]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def slow_down(browser, slow=True, throughput=4000):
    """Slows the network so that there is time to see an answer grow, or lets it be fast again."""
    browser.execute_cdp_cmd("Network.enable", {})
    conditions = {"offline": False, "latency": 0, "uploadThroughput": -1}
    conditions["downloadThroughput"] = throughput if slow else -1
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", conditions)


def wait(browser, condition):
    return WebDriverWait(browser, PATIENCE_S, poll_frequency=0.05).until(lambda _: condition())


def find(browser, selector):
    return browser.find_elements(By.CSS_SELECTOR, selector)


def text(browser, selector):
    return find(browser, selector)[0].text


def texts(browser, selector):
    return [element.text for element in find(browser, selector)]


def press(browser, *keys):
    """Presses keys together, wherever the focus is."""
    browser.switch_to.active_element.send_keys(*keys)


def shoot(browser, name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    assert browser.save_screenshot(str(SHOTS / f"{name}.png"))


def answered(browser, count):
    """Waits until so many answers are complete."""
    wait(browser, lambda: len(find(browser, ".assistant[aria-busy=false]")) == count)


def ask(browser, words):
    find(browser, "#question")[0].send_keys(words, Keys.ENTER)


def suggestion(browser, words):
    """Takes the suggestion that says this."""
    (button,) = [one for one in find(browser, "#suggestions button") if words in one.text]
    button.click()


def record_requests(browser):
    """Keeps what the page asks the model from now on, for `last_request`."""
    browser.execute_script(
        "const send = window.fetch; window.sent = [];"
        "window.fetch = (url, options) => {"
        "  if (options?.body) window.sent.push(options.body);"
        "  return send(url, options); };"
    )


def last_request(browser):
    return json.loads(browser.execute_script("return window.sent.at(-1)"))


def last_questions(browser):
    messages = last_request(browser)["messages"]
    return [message["content"] for message in messages if message["role"] == "user"]


def fits(browser, width):
    """Whether nothing makes the page wider than the window."""
    return browser.execute_script("return document.documentElement.scrollWidth") <= width


def keep_chat(browser, name, turns, updated=0):
    """Puts a conversation among the kept ones, as the page itself would."""
    turns = [{"parent": at - 1, **turn} for at, turn in enumerate(turns)]
    settings = {"effort": "medium", "instructions": "", "functions": "", "schema": ""}
    kept = {"id": name, "title": name, "updated": updated, "settings": settings}
    kept |= {"turns": turns, "tip": len(turns) - 1}
    browser.execute_script(
        "localStorage.setItem(`throng.chat.${arguments[0]}`, arguments[1])", name, json.dumps(kept)
    )


def said(content):
    """An answer of a kept conversation."""
    figures = {"tokens": 9, "reasoningTokens": 0, "promptTokens": 30, "cachedTokens": 16}
    figures |= {"firstMs": 5, "writeMs": 100, "thoughtMs": 0}
    answer = {"role": "assistant", "text": content, "reasoning": "", "calls": [], "end": "stop"}
    return answer | {"figures": figures}


def asked(content):
    """A question of a kept conversation."""
    return {"role": "user", "text": content}
