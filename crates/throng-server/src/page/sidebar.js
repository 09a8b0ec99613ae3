// The list of kept conversations: open one, rename it, delete it.

import { find, part, tool } from "./dom.js";
import { session } from "./storage.js";

/** Below this width the list lies over the conversation. */
const NARROW = matchMedia("(max-width: 52rem)");
const HIDDEN_KEY = "throng.sidebar";

export class Sidebar {
  #list = find("chats");
  #actions;

  /** `actions`: `rename(id, title)`, `remove(id)`, and `shown()` when it comes into sight. */
  constructor(actions) {
    this.#actions = actions;
    const toggle = () => this.toggle();
    find("toggle-sidebar").addEventListener("click", toggle);
    find("close-sidebar").addEventListener("click", toggle);
    find("veil").addEventListener("click", toggle);
    NARROW.addEventListener("change", () => this.#show(!NARROW.matches));
    this.#show(!NARROW.matches && !session?.getItem(HIDDEN_KEY));
  }

  /** Lists these, of which one is shown and some are being answered. */
  draw(chats, current, running) {
    // A title that is being written stays; its end draws the list again.
    if (this.#list.querySelector("form")) return;
    const active = document.activeElement;
    const focused = this.#list.contains(active) ? active.hash : null;
    this.#list.replaceChildren(
      ...chats.map(({ id, title }) => {
        const link = part("a", "", title || "New chat");
        link.href = `#${id}`;
        link.title = title;
        if (id === current) link.setAttribute("aria-current", "page");
        const item = part("li", running.has(id) ? "running" : "");
        const rename = tool("edit", `Rename ${title}`, () => this.#rename(item, id, title));
        const remove = tool("delete", `Delete ${title}`, () => this.#actions.remove(id));
        link.addEventListener("keydown", (event) => {
          if (event.key === "F2") rename.click();
          if (event.key === "Delete") remove.click();
        });
        item.append(link, rename, remove);
        return item;
      }),
    );
    if (focused) (this.#list.querySelector(`a[href="${focused}"]`) ?? find("new")).focus();
  }

  /** Shows the list, or hides it. */
  toggle() {
    const shown = document.body.classList.contains("with-sidebar");
    this.#show(!shown);
    if (!NARROW.matches) {
      if (shown) session?.setItem(HIDDEN_KEY, "hidden");
      else session?.removeItem(HIDDEN_KEY);
    } else {
      find(shown ? "toggle-sidebar" : "close-sidebar").focus({ preventScroll: true });
    }
  }

  /** Where the list lies over the conversation, gets it out of the way; says whether it did. */
  yield() {
    if (!NARROW.matches || !document.body.classList.contains("with-sidebar")) return false;
    this.#show(false);
    return true;
  }

  #show(shown) {
    document.body.classList.toggle("with-sidebar", shown);
    find("toggle-sidebar").setAttribute("aria-expanded", String(shown));
    const over = shown && NARROW.matches;
    find("veil").hidden = !over;
    // What it lies over is out of the keyboard's reach.
    find("stage").inert = over;
    find("sidebar").inert = !shown;
    if (shown) this.#actions.shown();
  }

  #rename(item, id, title) {
    const form = part("form");
    const field = part("input");
    field.value = title;
    field.maxLength = 100;
    field.setAttribute("aria-label", "Title");
    let over = false;
    const end = (renamed) => {
      if (over) return;
      over = true;
      form.remove();
      this.#actions.rename(id, renamed.trim() || title);
      this.#list.querySelector(`a[href="#${id}"]`)?.focus();
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      end(field.value);
    });
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      end(title);
    });
    field.addEventListener("blur", () => end(field.value));
    form.append(field);
    item.replaceChildren(form);
    field.focus();
    field.select();
  }
}
