"""The chat page keeps conversations, and lets them be gone through again."""

from browsing import (
    answered,
    ask,
    asked,
    find,
    fits,
    keep_chat,
    last_questions,
    last_request,
    look,
    press,
    ready,
    record_requests,
    said,
    shoot,
    size,
    slow_down,
    suggestion,
    text,
    texts,
    wait,
)
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

LONG = (
    "A `code` of "
    + "averyverylongwordthatnothingbreaks" * 4
    + "\n\n```rust\nlet wide = "
    + "a + " * 60
    + "1;\n```\n\n| a | b | c | d | e | f |\n|-|-|-|-|-|-|\n"
    + "| a long cell | another | a third one | more | and more | last |\n"
)


def titles(page):
    script = "return Array.from(document.querySelectorAll('#chats a'), (link) => link.textContent)"
    return page.execute_script(script)


def test_chats_are_kept_over_a_reload(page):
    ask(page, "What is 5 + 6?")
    answered(page, 1)
    content = text(page, ".content")
    facts = text(page, ".facts")
    page.refresh()
    ready(page)
    assert texts(page, ".bubble") == ["What is 5 + 6?"]
    assert (text(page, ".content"), text(page, ".facts")) == (content, facts)
    find(page, "#new")[0].click()
    assert find(page, ".turn") == []
    assert find(page, "#welcome")[0].is_displayed()
    ask(page, "Who are you?")
    answered(page, 1)
    assert titles(page) == ["Who are you?", "What is 5 + 6?"]
    find(page, "#chats a")[1].click()
    assert texts(page, ".bubble") == ["What is 5 + 6?"]
    page.back()
    wait(page, lambda: texts(page, ".bubble") == ["Who are you?"])
    shoot(page, "chats")


def test_a_chat_is_renamed_and_deleted_and_that_taken_back(page):
    ask(page, "What is 5 + 6?")
    answered(page, 1)
    find(page, "#chats a")[0].send_keys(Keys.F2)
    press(page, "A sum", Keys.ENTER)
    assert titles(page) == ["A sum"]
    assert page.switch_to.active_element.text == "A sum"
    page.refresh()
    ready(page)
    assert titles(page) == ["A sum"]
    find(page, "#chats a")[0].send_keys(Keys.DELETE)
    assert titles(page) == []
    assert find(page, "#welcome")[0].is_displayed()
    find(page, "#note button")[0].click()
    assert titles(page) == ["A sum"]
    find(page, "#chats a")[0].send_keys(Keys.DELETE)
    page.refresh()
    ready(page)
    assert titles(page) == []


def test_a_question_is_edited_and_both_versions_stay(page):
    record_requests(page)
    ask(page, "What is 2 + 2?")
    answered(page, 1)
    ask(page, "And 3 + 3?")
    answered(page, 2)
    find(page, "[aria-label=Edit]")[0].click()
    editor = page.switch_to.active_element
    assert editor.get_property("value") == "What is 2 + 2?"
    editor.clear()
    editor.send_keys("What is 4 + 4?", Keys.ENTER)
    answered(page, 1)
    assert texts(page, ".bubble") == ["What is 4 + 4?"]
    assert last_questions(page) == ["What is 4 + 4?"]
    assert text(page, ".user .place") == "2/2"
    find(page, ".user [aria-label='The version before']")[0].click()
    assert texts(page, ".bubble") == ["What is 2 + 2?", "And 3 + 3?"]
    page.refresh()
    ready(page)
    assert texts(page, ".bubble") == ["What is 2 + 2?", "And 3 + 3?"]
    find(page, ".user [aria-label='The version after']")[0].click()
    assert texts(page, ".bubble") == ["What is 4 + 4?"]


def test_an_answer_is_tried_again_with_more_effort(page):
    record_requests(page)
    find(page, "input[value=low] + span")[0].click()
    ask(page, "What is 37 * 48?")
    answered(page, 1)
    first = text(page, ".content")
    find(page, "input[value=high] + span")[0].click()
    find(page, ".assistant [aria-label='Try again']")[0].click()
    wait(page, lambda: find(page, ".assistant .place"))
    assert text(page, ".assistant .place") == "2/2"
    assert "1776" in text(page, ".content")
    request = last_request(page)
    assert request["reasoning_effort"] == "high"
    assert len(request["messages"]) == 1, "the model is not told its first try"
    find(page, ".assistant [aria-label='The version before']")[0].click()
    assert text(page, ".content") == first
    shoot(page, "branches")


def test_two_chats_are_answered_at_once(page):
    slow_down(page)
    find(page, "input[value=high] + span")[0].click()
    ask(page, "What is 37 * 48?")
    wait(page, lambda: find(page, ".thought.live"))
    find(page, "#new")[0].click()
    suggestion(page, "batching")
    wait(page, lambda: len(find(page, "#chats .running")) == 2)
    shoot(page, "two-chats")
    slow_down(page, False)
    answered(page, 1)
    assert texts(page, ".bubble") == ["How does batching make serving cheaper?"]
    wait(page, lambda: find(page, "#chats .running") == [])
    (other,) = [link for link in find(page, "#chats a") if "37" in link.text]
    other.click()
    answered(page, 1)
    assert "1776" in text(page, ".content")


def test_a_chat_that_goes_with_its_page_keeps_what_was_said(page):
    slow_down(page, throughput=16_000)
    find(page, "input[value=high] + span")[0].click()
    ask(page, "What is 37 * 48?")
    wait(page, lambda: find(page, ".thought.live") and text(page, ".thought .text"))
    page.refresh()
    slow_down(page, False)
    ready(page)
    assert text(page, ".facts .end") == "stopped"
    assert len(find(page, ".thought")) == 1
    find(page, ".assistant [aria-label='Try again']")[0].click()
    wait(page, lambda: find(page, ".content"))
    answered(page, 1)
    assert "1776" in text(page, ".content")


def test_what_is_kept_is_bounded_and_what_is_none_is_passed_over(page):
    page.execute_script(
        "localStorage.setItem('throng.chat.broken', '{\"id\": \"broken\"');"
        "localStorage.setItem('throng.chat.other', '{\"id\": \"another\", \"turns\": 7}');"
    )
    for number in range(205):
        turns = [asked("One?"), said("Two.")]
        keep_chat(page, f"chat{number}", turns, updated=1_000_000 + number)
    page.refresh()
    ready(page)
    assert len(titles(page)) == 205
    ask(page, "What is 5 + 6?")
    answered(page, 1)
    kept = titles(page)
    assert len(kept) == 200
    assert kept[0] == "What is 5 + 6?"
    assert kept[1] == "chat204" and "chat0" not in kept


def test_a_browser_without_room_is_no_obstacle(page):
    page.execute_script(
        "for (const size of [1 << 18, 1 << 12, 1 << 6, 1]) {"
        "  try { for (let at = 0; ; at += 1) {"
        "    localStorage.setItem(`${size} ${at}`, 'x'.repeat(size)); } } catch {} }"
    )
    ask(page, "What is 5 + 6?")
    answered(page, 1)
    assert "no room" in text(page, "#kept")
    assert titles(page) == []
    ask(page, "What is 1 + 1?")
    answered(page, 2)


def test_keys_do_what_the_list_says(page):
    press(page, Keys.CONTROL + "/")
    assert find(page, "#shortcuts")[0].is_displayed()
    assert "New chat" in text(page, "#shortcut-list")
    shoot(page, "shortcuts")
    press(page, Keys.ESCAPE)
    assert not find(page, "#shortcuts")[0].is_displayed()
    ask(page, "What is 5 + 6?")
    answered(page, 1)
    assert page.switch_to.active_element.get_attribute("id") == "question"
    press(page, Keys.ARROW_UP)
    assert page.switch_to.active_element.get_property("value") == "What is 5 + 6?"
    press(page, Keys.ESCAPE)
    assert find(page, ".editor") == []
    keys = ActionChains(page).key_down(Keys.CONTROL).key_down(Keys.SHIFT).send_keys("o")
    keys.key_up(Keys.SHIFT).key_up(Keys.CONTROL).perform()
    assert find(page, ".turn") == []
    assert page.switch_to.active_element.get_attribute("id") == "question"
    press(page, Keys.CONTROL + "b")
    wait(page, lambda: not find(page, "#new")[0].is_displayed())
    press(page, Keys.CONTROL + "b")
    wait(page, lambda: find(page, "#new")[0].is_displayed())
    slow_down(page)
    find(page, "input[value=high] + span")[0].click()
    ask(page, "What is 37 * 48?")
    wait(page, lambda: find(page, ".thought.live"))
    press(page, Keys.ESCAPE)
    answered(page, 1)
    assert text(page, ".facts .end") == "stopped"


def test_the_focus_goes_through_the_page_in_order_and_everything_has_a_name(page):
    ask(page, "What is 5 + 6?")
    answered(page, 1)
    page.execute_script("document.getElementById('skip').focus()")
    reached = []
    while "question" not in reached and len(reached) < 40:
        focused = page.switch_to.active_element
        reached.append(focused.get_attribute("id"))
        assert focused.accessible_name, focused.get_attribute("outerHTML")
        press(page, Keys.TAB)
    wanted = ["skip", "new", "toggle-sidebar", "theme", "tune", "question"]
    assert [name for name in reached if name in wanted] == wanted
    for button in find(page, "button, a, input, textarea"):
        if button.is_displayed():
            assert button.accessible_name, button.get_attribute("outerHTML")


def test_the_theme_is_the_systems_or_the_readers(page):
    background = "return getComputedStyle(document.body).backgroundColor"
    light = page.execute_script(background)
    look(page, "dark")
    dark = page.execute_script(background)
    assert dark != light
    find(page, "#theme")[0].click()
    assert find(page, "#theme")[0].accessible_name == "Theme: light"
    assert page.execute_script(background) == light
    page.refresh()
    ready(page)
    assert page.execute_script(background) == light
    find(page, "#theme")[0].click()
    look(page, "light")
    assert page.execute_script(background) == dark
    find(page, "#theme")[0].click()
    assert page.execute_script(background) == light


def test_nothing_moves_for_those_who_want_it_still(page):
    look(page, "light", motion="reduce")
    moving = page.execute_script("return document.getAnimations().length")
    slow_down(page)
    ask(page, "What is 37 * 48?")
    wait(page, lambda: find(page, ".assistant"))
    assert moving == page.execute_script("return document.getAnimations().length") == 0
    press(page, Keys.ESCAPE)


def test_a_phone_scrolls_up_and_down_only(page):
    size(page, 320, 640)
    turns = [asked("One?"), said(LONG), asked("wide" * 60), said('{"a": ["' + "x" * 300 + '"]}')]
    keep_chat(page, "long", turns)
    page.refresh()
    ready(page)
    find(page, "#toggle-sidebar")[0].click()
    wait(page, lambda: find(page, "#chats a")[0].is_displayed())
    assert page.switch_to.active_element.get_attribute("id") == "close-sidebar"
    assert find(page, "#stage")[0].get_property("inert")
    assert fits(page, 320)
    shoot(page, "phone-list")
    press(page, Keys.ESCAPE)
    wait(page, lambda: not find(page, "#chats a")[0].is_displayed())
    find(page, "#toggle-sidebar")[0].click()
    wait(page, lambda: find(page, "#chats a")[0].is_displayed())
    find(page, "#chats a")[0].click()
    wait(page, lambda: len(find(page, ".turn")) == 4)
    assert not find(page, "#stage")[0].get_property("inert")
    assert fits(page, 320)
    main = find(page, "main")[0]
    assert main.get_property("scrollWidth") == main.get_property("clientWidth")
    shoot(page, "phone-long")
