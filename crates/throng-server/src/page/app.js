// The chat page: what the reader does, and the conversation that comes of it.

import { Answer, part } from "./answer.js";
import { chat, servedModel, useKey } from "./api.js";

/** Questions for an empty page; one that must be worked out sets the effort as well. */
const SUGGESTIONS = [
  { text: "What is 37 * 48?", effort: "high" },
  { text: "How does batching make serving cheaper?" },
  { text: "How does a mixture of experts work?" },
  { text: "Why do we quantise weights?" },
];
/** How often to ask for a model that is still loading. */
const LOADING_MS = 1000;
/** How near to its end the conversation must be scrolled to follow the answer. */
const FOLLOW_PX = 80;

const find = (id) => document.getElementById(id);
const [scroller, log, welcome, composer, question, send, system, key, instruct] =
  ["scroller", "log", "welcome", "composer", "question", "send", "system", "key", "instruct"].map(find);

let model = null;
let waiting = null;
let messages = [];
let running = null;

async function loadModel() {
  clearTimeout(waiting);
  try {
    model = (await servedModel()).id;
    find("model").textContent = model;
    document.title = `${model} · throng`;
  } catch (error) {
    model = null;
    find("model").textContent = error.status === 503 ? "loading…" : "no model";
    find("model").title = error.message;
    if (error.status === 503) waiting = setTimeout(loadModel, LOADING_MS);
    if (error.status === 401) settings(true, key);
  }
}

/** Opens or closes the settings, and goes to a field. */
function settings(open, field) {
  find("instructions").hidden = !open;
  instruct.setAttribute("aria-expanded", String(open));
  field.focus();
}

function request() {
  const instructions = system.value.trim();
  const effort = document.querySelector("input[name=effort]:checked").value;
  return {
    model,
    messages: instructions ? [{ role: "system", content: instructions }, ...messages] : messages,
    reasoning_effort: effort,
  };
}

function ask(text) {
  // A question that was stopped or failed before its answer is forgotten: two in a row are no
  // conversation that a model knows, and to try it again would be out of turn.
  if (messages.at(-1)?.role === "user") messages.pop();
  for (const button of log.querySelectorAll(".failure button")) button.remove();
  messages.push({ role: "user", content: text });
  log.append(part("div", "turn user", text));
  welcome.hidden = true;
  return answer();
}

/** Lets the model answer the conversation as it stands. */
async function answer() {
  const shown = new Answer();
  const controller = new AbortController();
  running = controller;
  refresh();
  log.append(shown.element);
  scrollToEnd();
  shown.onDraw = follower();
  try {
    if (model === null) await loadModel();
    let cut = false;
    for await (const chunk of chat(request(), controller.signal)) {
      cut ||= chunk.choices[0]?.finish_reason === "length";
      shown.add(chunk);
    }
    shown.end({ cut });
  } catch (error) {
    if (controller.signal.aborted) {
      shown.end({ stopped: true });
    } else {
      shown.fail(error.message, () => {
        if (running) return;
        shown.element.remove();
        answer();
      });
      return;
    }
  } finally {
    // A new chat may have begun meanwhile, with an answer of its own.
    if (running === controller) running = null;
    refresh();
  }
  if (shown.element.isConnected && shown.text) {
    messages.push({ role: "assistant", content: shown.text });
  }
}

/** Keeps the conversation's end in sight for as long as the reader keeps it there. */
function follower() {
  let height = scroller.scrollHeight;
  return () => {
    const below = height - scroller.scrollTop - scroller.clientHeight;
    if (below < FOLLOW_PX) scrollToEnd();
    height = scroller.scrollHeight;
  };
}

function scrollToEnd() {
  scroller.scrollTop = scroller.scrollHeight;
}

/** Makes the controls fit the state. */
function refresh() {
  question.style.height = "auto";
  question.style.height = `${question.scrollHeight}px`;
  send.disabled = !running && question.value.trim() === "";
  send.classList.toggle("stops", running !== null);
  send.setAttribute("aria-label", running ? "Stop" : "Send");
  instruct.classList.toggle("set", system.value.trim() !== "" || key.value !== "");
}

function submit() {
  const text = question.value.trim();
  if (running || text === "") return;
  question.value = "";
  ask(text);
}

function clear() {
  running?.abort();
  running = null;
  messages = [];
  log.replaceChildren();
  welcome.hidden = false;
  refresh();
  question.focus();
}

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  if (running) running.abort();
  else submit();
});
question.addEventListener("keydown", (event) => {
  // While an input method composes, Enter is its own.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  submit();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") running?.abort();
});
question.addEventListener("input", refresh);
system.addEventListener("input", refresh);
find("clear").addEventListener("click", clear);
key.addEventListener("change", () => {
  sessionStorage.setItem("key", key.value);
  useKey(key.value.trim());
  refresh();
  loadModel();
});
instruct.addEventListener("click", () => {
  const open = find("instructions").hidden;
  settings(open, open ? system : question);
});
for (const { text, effort } of SUGGESTIONS) {
  const button = part("button", "", text);
  button.type = "button";
  button.addEventListener("click", () => {
    if (running) return;
    if (effort) document.querySelector(`input[name=effort][value=${effort}]`).checked = true;
    ask(text);
  });
  const item = part("li");
  item.append(button);
  find("suggestions").append(item);
}
key.value = sessionStorage.getItem("key") ?? "";
useKey(key.value.trim());
refresh();
loadModel();
