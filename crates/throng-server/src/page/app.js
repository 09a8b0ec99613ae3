// The chat page: brings its parts together, and knows which conversation is shown.

import { servedModel } from "./api.js";
import { Batch } from "./batch.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { Door } from "./door.js";
import { drawIcons, find } from "./dom.js";
import { note } from "./note.js";
import { request } from "./request.js";
import { Run } from "./run.js";
import { Scroll } from "./scroll.js";
import { Settings } from "./settings.js";
import { Shelf } from "./shelf.js";
import { useShortcuts } from "./shortcuts.js";
import { Sidebar } from "./sidebar.js";
import { listSuggestions } from "./suggestions.js";
import { Transcript } from "./transcript.js";

/** How often to ask for a model that is still loading. */
const LOADING_MS = 1000;

let model = null;
let waiting = null;
let current = new Conversation();
/** Answers that are being written, by conversation: one goes on while another is looked at. */
const runs = new Map();

drawIcons();
const shelf = new Shelf(onOtherTab);
const scroll = new Scroll(find("scroller"), find("log"), find("down"));
const transcript = new Transcript(find("log"), {
  choose: idle((index) => reshape(() => current.choose(index))),
  edit: idle((index, text) => {
    reshape(() => current.branch(index));
    ask(text);
  }),
  retry: idle((index) => {
    reshape(() => current.branch(index));
    answer();
  }),
  give: idle((results) => {
    current.add({ role: "results", results });
    transcript.add(current);
    answer();
  }),
  again: idle(() => answer()),
});
const composer = new Composer({
  ask,
  stop,
  effort: (effort) => set({ effort }),
  editLast: () => !runs.has(current.id) && transcript.editLast(),
});
const settings = new Settings(set);
const batch = new Batch({ mine: () => runs.size, ready: () => model !== null });
const sidebar = new Sidebar({ rename, remove, shown: () => batch.look() });
const door = new Door(findModel);

/** A function for what cannot be done while an answer is being written here. */
function idle(act) {
  return (...given) => {
    if (!runs.has(current.id)) act(...given);
  };
}

/** Learns which model is served, and asks for a key if the server wants one. */
async function findModel() {
  clearTimeout(waiting);
  try {
    model = await servedModel();
    find("model").textContent = model.id;
    find("model").title = `The model that is served; it reads up to ${model.max_model_len} tokens`;
    door.hide();
    batch.look();
    if (document.activeElement === document.body) composer.focus();
  } catch (error) {
    model = null;
    find("model").textContent = error.status === 503 ? "loading…" : "no model";
    find("model").title = error.message;
    if (error.status === 503) waiting = setTimeout(findModel, LOADING_MS);
    if (error.status === 401) door.show(door.given ? error.message : "");
  }
  drawSettings();
}

/** Shows the conversation that the address names, or a new one. */
function route() {
  const id = location.hash.slice(1);
  if (id === current.id) return;
  open(runs.get(id)?.conversation ?? shelf.open(id) ?? new Conversation());
}

function open(conversation) {
  current = conversation;
  const empty = conversation.turns.length === 0;
  if (empty) history.replaceState(null, "", location.pathname);
  transcript.show(conversation, runs.get(conversation.id)?.run);
  sidebar.yield();
  refresh();
  if (empty) find("scroller").scrollTop = 0;
  else scroll.toEnd();
  composer.focus();
}

function newChat() {
  if (location.hash) history.pushState(null, "", location.pathname);
  open(new Conversation({ effort: current.settings.effort }));
}

/** Asks a question, with these settings from now on. */
function ask(text, changed = {}) {
  if (runs.has(current.id)) return;
  Object.assign(current.settings, changed);
  current.add({ role: "user", text });
  transcript.add(current);
  answer();
}

/** Lets the model answer the conversation as it stands. */
async function answer() {
  const conversation = current;
  const run = new Run(async () => {
    if (!model) await findModel();
    if (!model) throw new Error("There is no model to ask.");
    return request(model, conversation);
  });
  runs.set(conversation.id, { conversation, run });
  if (location.hash.slice(1) !== conversation.id) {
    history.replaceState(null, "", `#${conversation.id}`);
  }
  keep(conversation);
  transcript.follow(run);
  refresh();
  scroll.toEnd();
  composer.focus();
  await run.done;
  // A chat that was deleted meanwhile is not kept again.
  const listed = runs.get(conversation.id)?.run === run && runs.delete(conversation.id);
  const shown = conversation === current;
  if (run.error) {
    if (shown) transcript.fail(run.error.message);
    if (run.error.status === 401) door.show(run.error.message);
  } else {
    conversation.add(run.reply.turn());
    if (shown) transcript.settle(conversation, run);
    if (listed) keep(conversation);
  }
  refresh();
}

function stop() {
  runs.get(current.id)?.run.stop();
}

/** Changes which turns are shown. */
function reshape(change) {
  change();
  transcript.show(current);
  keep(current);
}

function set(changed) {
  Object.assign(current.settings, changed);
  if (current.turns.length > 0) keep(current);
  drawSettings();
}

function rename(id, title) {
  const conversation = id === current.id ? current : (runs.get(id)?.conversation ?? shelf.open(id));
  if (conversation) {
    conversation.title = title;
    keep(conversation);
  }
  refresh();
}

function remove(id) {
  const conversation = runs.get(id)?.conversation ?? shelf.open(id);
  runs.get(id)?.run.stop();
  runs.delete(id);
  shelf.remove(id);
  if (id === current.id) newChat();
  refresh();
  if (!conversation) return;
  note(`“${conversation.title}” is deleted.`, "Undo", () => {
    keep(conversation);
    refresh();
  });
}

function keep(conversation) {
  const kept = shelf.keep(conversation);
  find("kept").textContent = kept
    ? "Chats stay in this browser."
    : "This browser has no room to keep this chat.";
}

function onOtherTab(id) {
  const conversation = shelf.open(id);
  if (id === current.id && conversation && !runs.has(id)) {
    current = conversation;
    transcript.show(current);
  }
  refresh();
}

/** Makes the controls fit the state. */
function refresh() {
  find("welcome").hidden = current.turns.length > 0;
  composer.running = runs.has(current.id);
  find("log").classList.toggle("busy", runs.has(current.id));
  sidebar.draw(shelf.list(), current.id, runs);
  document.title = [current.title, model?.id, "throng"].filter(Boolean).join(" · ");
  drawSettings();
}

function drawSettings() {
  settings.draw(current.settings);
  composer.drawEffort(model?.reasoning_efforts ?? [], current.settings.effort);
}

listSuggestions(ask);
useShortcuts({
  newChat,
  chats: () => sidebar.toggle(),
  settings: () => settings.open(),
  escape: () => sidebar.yield() || stop(),
});
find("new").addEventListener("click", newChat);
find("new-here").addEventListener("click", newChat);
find("skip").addEventListener("click", () => find("question").focus());
find("other-key").addEventListener("click", () => {
  settings.close();
  door.show();
});
window.addEventListener("popstate", route);
// What was said so far of answers that go with the page.
window.addEventListener("pagehide", () => {
  for (const { conversation, run } of runs.values()) {
    if (run.reply.empty) continue;
    const copy = Conversation.read(conversation.write());
    run.reply.stop();
    copy.add(run.reply.turn());
    shelf.keep(copy);
  }
});
if (location.hash) route();
refresh();
findModel();
