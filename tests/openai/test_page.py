"""The chat page asks and shows what is answered."""

import json
import re
import threading

from browsing import (
    answered,
    ask,
    find,
    fits,
    last_questions,
    last_request,
    look,
    press,
    ready,
    record_requests,
    shoot,
    size,
    slow_down,
    suggestion,
    text,
    texts,
    wait,
)
from conftest import client_of
from selenium.webdriver.common.keys import Keys


def test_a_question_is_answered_with_the_reasoning_folded(page):
    shoot(page, "welcome")
    assert page.switch_to.active_element.get_attribute("id") == "question"
    find(page, "input[value=high] + span")[0].click()
    ask(page, "What is 37 * 48?")
    assert text(page, ".bubble") == "What is 37 * 48?"
    answered(page, 1)
    assert "1776" in text(page, ".content")
    (thought,) = find(page, ".thought")
    assert thought.get_attribute("open") is None, "folded once the answer is there"
    length = r"Thought for (\d+ ms|\d+\.\d s), \d+ tokens"
    assert re.fullmatch(length, text(page, ".thought summary"))
    assert re.search(r"\d tokens/s", text(page, ".facts .rate"))
    assert re.search(r"first token after \d", text(page, ".facts .first"))
    assert re.search(r"^\d+ tokens$", text(page, ".facts .count"))
    assert re.search(r"^\d+ prompt tokens", text(page, ".facts .prompt"))
    assert not find(page, "#welcome")[0].is_displayed()
    shoot(page, "answer")
    find(page, ".thought summary")[0].click()
    assert len(text(page, ".thought .text")) > 10
    ask(page, "What is 5 + 6?")
    answered(page, 2)
    assert find(page, ".content")[1].text
    assert re.search(r", \d+ cached$", texts(page, ".facts .prompt")[1])
    shoot(page, "second-turn")


def test_the_effort_is_the_chats_own(page):
    record_requests(page)
    press(page, Keys.SHIFT + Keys.TAB)
    suggestion(page, "What is 37 * 48?")
    answered(page, 1)
    assert "1776" in text(page, ".content"), "the suggestion sets the effort it needs"
    assert last_request(page)["reasoning_effort"] == "high"
    find(page, "input[value=high]")[0].send_keys(Keys.ARROW_LEFT)
    find(page, "input[value=medium]")[0].send_keys(Keys.ARROW_LEFT)
    ask(page, "What is 1 + 1?")
    answered(page, 2)
    assert last_request(page)["reasoning_effort"] == "low"
    page.refresh()
    ready(page)
    assert find(page, "input[value=low]")[0].is_selected()


def test_a_model_without_efforts_has_no_switch(page, server):
    script = (
        "const send = window.fetch; window.fetch = async (url, options) => {"
        "  const response = await send(url, options);"
        "  if (url !== '/v1/models') return response;"
        "  const list = await response.json(); list.data[0].reasoning_efforts = [];"
        "  return Response.json(list); };"
    )
    added = page.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})
    try:
        page.get(server)
        ready(page)
        assert not find(page, "#effort")[0].is_displayed()
        record_requests(page)
        ask(page, "What is 1 + 1?")
        answered(page, 1)
        assert "reasoning_effort" not in last_request(page)
    finally:
        page.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


def test_an_answer_can_be_stopped(page):
    slow_down(page)
    find(page, "input[value=high] + span")[0].click()
    ask(page, "What is 37 * 48?")
    wait(page, lambda: find(page, ".thought.live[open] .text") and text(page, ".thought .text"))
    assert text(page, ".thought summary").startswith("Thinking…")
    assert find(page, "#send")[0].get_attribute("aria-label") == "Stop"
    wait(page, lambda: find(page, ".facts .rate"))
    shoot(page, "thinking")
    find(page, "#send")[0].click()
    answered(page, 1)
    assert "stopped" in text(page, ".facts")
    assert find(page, "#send")[0].get_attribute("aria-label") == "Send"
    slow_down(page, False)
    record_requests(page)
    ask(page, "What is 2 + 2?")
    answered(page, 2)
    assert last_questions(page) == ["What is 2 + 2?"], "the other one has no answer"
    assert len(find(page, ".untold")) == 2, "which is to be seen"
    ask(page, "And 3 + 3?")
    answered(page, 3)
    assert last_questions(page) == ["What is 2 + 2?", "And 3 + 3?"]


def test_a_call_is_shown_and_its_result_given(page):
    record_requests(page)
    suggestion(page, "What is 128 * 46?")
    wait(page, lambda: find(page, "form.results textarea"))
    assert text(page, ".call .function") == "calculator"
    assert text(page, ".json .name") == '"expression"'
    assert text(page, ".json .string") == '"128 * 46"'
    shoot(page, "call")
    field = find(page, "form.results textarea")[0]
    assert page.switch_to.active_element == field
    find(page, ".call summary")[0].click()
    assert not find(page, ".json")[0].is_displayed(), "it folds"
    field.send_keys("5888", Keys.ENTER)
    answered(page, 2)
    assert text(page, ".result summary").split() == ["calculator", "gave", "5888"]
    assert "5888" in text(page, ".content")
    question, call, result = last_request(page)["messages"]
    assert question["role"] == "user"
    (made,) = call["tool_calls"]
    assert json.loads(made["function"]["arguments"]) == {"expression": "128 * 46"}
    assert result == {"role": "tool", "tool_call_id": made["id"], "content": "5888"}


def test_an_answer_with_a_form_is_a_tree(page):
    record_requests(page)
    suggestion(page, "What is 7 * 8?")
    answered(page, 1)
    assert last_request(page)["response_format"]["type"] == "json_schema"
    assert text(page, ".json .name") == '"answer"'
    assert text(page, ".json .number").isdigit()
    shoot(page, "json")
    find(page, "[aria-label='Show as text']")[0].click()
    assert list(json.loads(text(page, ".raw"))) == ["answer"]


def test_settings_are_sent_and_must_be_sound(page):
    record_requests(page)
    find(page, "#tune")[0].click()
    assert page.switch_to.active_element.get_attribute("id") == "instructions"
    find(page, "#instructions")[0].send_keys("Answer briefly.")
    find(page, "#functions")[0].send_keys("[{")
    find(page, "#settings .primary")[0].click()
    assert find(page, "#settings")[0].is_displayed()
    assert "JSON" in text(page, "#functions-wrong")
    shoot(page, "settings")
    find(page, "#functions-example")[0].click()
    assert text(page, "#functions-wrong") == ""
    find(page, "#settings .primary")[0].click()
    assert not find(page, "#settings")[0].is_displayed()
    assert texts(page, ".chip") == ["Instructions", "1 function"]
    ask(page, "Hello")
    answered(page, 1)
    request = last_request(page)
    assert request["messages"][0] == {"role": "system", "content": "Answer briefly."}
    assert [tool["function"]["name"] for tool in request["tools"]] == ["calculator"]
    press(page, Keys.CONTROL + ",")
    find(page, "#instructions")[0].send_keys("no")
    press(page, Keys.ESCAPE)
    find(page, "#tune")[0].click()
    assert find(page, "#instructions")[0].get_property("value") == "Answer briefly."


def test_errors_are_shown_and_can_be_tried_again(page):
    find(page, "#tune")[0].click()
    page.execute_script(
        "const field = document.getElementById('instructions');"
        "field.value = 'word '.repeat(100000);"
    )
    find(page, "#settings .primary")[0].click()
    ask(page, "Hello")
    wait(page, lambda: find(page, ".failure"))
    assert "maximum context length" in text(page, ".failure")
    shoot(page, "failure")
    find(page, "#tune")[0].click()
    find(page, "#instructions")[0].clear()
    find(page, "#settings .primary")[0].click()
    find(page, ".failure button")[0].click()
    answered(page, 1)
    assert find(page, ".failure") == []
    # The browser logs the refusal, as it should.
    page.get_log("browser")


def test_a_question_that_failed_is_not_asked_again_with_the_next(page):
    record_requests(page)
    ask(page, "word " * 10)
    answered(page, 1)
    page.execute_script(
        "const send = window.fetch;"
        "window.fetch = (url, options) => {"
        "  if (!options?.body) return send(url, options);"
        "  window.fetch = send; return Promise.reject(new Error('gone')); };"
    )
    ask(page, "Hello")
    wait(page, lambda: find(page, ".failure button"))
    ask(page, "What is 2 + 2?")
    answered(page, 2)
    assert find(page, ".failure button") == [], "to try it again would be out of turn"
    assert last_questions(page) == [("word " * 10).strip(), "What is 2 + 2?"]


def test_a_server_with_keys_asks_for_one(browser, locked):
    browser.get(locked)
    wait(browser, lambda: text(browser, "#model") == "no model")
    key = find(browser, "#key")[0]
    wait(browser, lambda: browser.switch_to.active_element == key)
    assert not find(browser, "#question")[0].is_displayed()
    shoot(browser, "key")
    key.send_keys("sk-wrong", Keys.ENTER)
    wait(browser, lambda: "key" in text(browser, "#wrong"))
    key.send_keys("sk-bob", Keys.ENTER)
    ready(browser)
    ask(browser, "What is 5 + 6?")
    answered(browser, 1)
    assert find(browser, ".failure") == []
    browser.refresh()
    ready(browser)
    assert not find(browser, "#door")[0].is_displayed(), "it is kept with the tab"
    kept = browser.execute_script("return JSON.stringify(localStorage)")
    assert "sk-bob" not in kept, "and nowhere else"
    # The browser logs the refusals, as it should.
    browser.get_log("browser")


def test_the_batch_is_drawn_while_others_are_served(page, server):
    wait(page, lambda: text(page, "#who") == "Nobody at the moment")
    over = threading.Event()

    def keep_asking():
        with client_of(server) as client:
            while not over.is_set():
                client.completions.create(
                    model="nano", prompt="One two", max_tokens=2000, extra_body={"ignore_eos": True}
                )

    def drawn():
        """Whether one and the same picture shows all of it."""
        words = page.execute_script("return document.getElementById('batch').innerText")
        dots = page.execute_script("return document.querySelectorAll('#crowd span').length")
        pictured = ["6 answers for others", "Written", "Answers a step"]
        moves = re.search(r"[1-9][\d,.]* tokens/s", words) and re.search(r"[1-9]\.\d", words)
        used = re.search(r"[1-9]\d* % in use", words)
        return dots == 6 and all(one in words for one in pictured) and moves and used

    clients = [threading.Thread(target=keep_asking) for _ in range(6)]
    for client in clients:
        client.start()
    try:
        wait(page, drawn)
        shoot(page, "batch")
    finally:
        over.set()
        for client in clients:
            client.join()
    wait(page, lambda: find(page, "#crowd span") == [])


def test_it_fits_a_phone_in_the_dark(page):
    size(page, 390, 780)
    look(page, "dark")
    shoot(page, "phone-welcome")
    ask(page, "What is 12 * 12?")
    answered(page, 1)
    shoot(page, "phone-dark")
    assert fits(page, 390)
    dark = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in re.findall(r"\d+", dark)) < 64
