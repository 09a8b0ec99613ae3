// The key that a server may want before it answers. It is forgotten when the tab is closed.

import { useKey } from "./api.js";
import { find } from "./dom.js";
import { session } from "./storage.js";

const KEY = "throng.key";

export class Door {
  #form = find("door");

  /** `entered()` is called when the reader has given a key. */
  constructor(entered) {
    useKey(session?.getItem(KEY) ?? "");
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const key = find("key").value.trim();
      session?.setItem(KEY, key);
      useKey(key);
      entered();
    });
  }

  /** Whether a key was given. */
  get given() {
    return Boolean(session?.getItem(KEY));
  }

  /** Asks for a key. */
  show(message = "") {
    this.#form.hidden = false;
    document.body.classList.add("locked");
    find("wrong").textContent = message;
    find("key").focus();
    find("key").select();
  }

  /** The key was right, or none is wanted. */
  hide() {
    this.#form.hidden = true;
    document.body.classList.remove("locked");
    find("other-key").hidden = !this.given;
  }
}
