// The conversations that this browser keeps, each under a key of its own, so that two tabs do not
// write over one another's. What is kept is bounded: the oldest make room.

import { Conversation } from "./conversation.js";
import { local } from "./storage.js";

const PREFIX = "throng.chat.";
const MAX_CHATS = 200;
/** Browsers give a page 5 million characters or more. */
const MAX_CHARACTERS = 4_000_000;

export class Shelf {
  /** Title, date and size of each, by id. */
  #kept = new Map();

  /** `changed(id)` is called when another tab has changed one. */
  constructor(changed) {
    for (const key of Object.keys(local ?? {})) this.#look(key);
    window.addEventListener("storage", ({ key }) => {
      if (!key?.startsWith(PREFIX)) return;
      this.#look(key);
      changed(key.slice(PREFIX.length));
    });
  }

  /** Id and title of each, the newest first. */
  list() {
    const newest = ([, one], [, other]) => other.updated - one.updated;
    return [...this.#kept].sort(newest).map(([id, { title }]) => ({ id, title }));
  }

  /** The conversation with this id, or `null`. */
  open(id) {
    return Conversation.read(local?.getItem(PREFIX + id));
  }

  /** Keeps a conversation, if there is room for it; says whether. */
  keep(conversation) {
    const text = conversation.write();
    const { id, title, updated } = conversation;
    if (!local || text.length > MAX_CHARACTERS) return false;
    this.#kept.set(id, { title, updated, size: text.length });
    while (this.#kept.size > MAX_CHATS || this.#size() > MAX_CHARACTERS) this.#dropOldest(id);
    for (;;) {
      try {
        local.setItem(PREFIX + id, text);
        return true;
      } catch {
        // The browser's limit is lower than ours.
        if (this.#dropOldest(id)) continue;
        this.remove(id);
        return false;
      }
    }
  }

  /** Keeps it no longer. */
  remove(id) {
    this.#kept.delete(id);
    local?.removeItem(PREFIX + id);
  }

  #size() {
    return [...this.#kept.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Drops the oldest but this one; says whether there was any. */
  #dropOldest(id) {
    const oldest = this.list().findLast((one) => one.id !== id);
    if (oldest) this.remove(oldest.id);
    return Boolean(oldest);
  }

  #look(key) {
    if (!key.startsWith(PREFIX)) return;
    const text = local.getItem(key);
    const conversation = Conversation.read(text);
    const id = key.slice(PREFIX.length);
    if (conversation?.id !== id) {
      this.#kept.delete(id);
      return;
    }
    const { title, updated } = conversation;
    this.#kept.set(id, { title, updated, size: text.length });
  }
}
