// Where the reader writes, and what stands below: how long to think, and the button that sends.

import { find, fitHeight, invite, sends } from "./dom.js";

export class Composer {
  #question = find("question");
  #send = find("send");
  #running = false;

  /** `actions`: `ask(text)`, `stop()`, `effort(name)`, and `editLast()`, which says if it did. */
  constructor({ ask, stop, effort, editLast }) {
    const submit = () => {
      const text = this.#question.value.trim();
      if (this.#running || text === "") return;
      this.#question.value = "";
      this.#refresh();
      ask(text);
    };
    find("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#running) stop();
      else submit();
    });
    this.#question.addEventListener("keydown", (event) => {
      if (sends(event)) {
        event.preventDefault();
        submit();
      } else if (event.key === "ArrowUp" && this.#question.value === "" && editLast()) {
        event.preventDefault();
      }
    });
    this.#question.addEventListener("input", () => this.#refresh());
    find("effort").addEventListener("change", (event) => effort(event.target.value));
    this.#refresh();
  }

  /** Shows whether an answer is being written. */
  set running(running) {
    this.#running = running;
    this.#refresh();
  }

  /** The efforts that the model knows, and the chat's own. */
  drawEffort(known, chosen) {
    const effort = find("effort");
    effort.hidden = known.length < 2;
    for (const label of effort.querySelectorAll("label")) {
      label.hidden = !known.includes(label.dataset.effort);
      label.firstChild.checked = label.dataset.effort === chosen;
    }
  }

  /** Lets the reader write. */
  focus() {
    invite(this.#question);
  }

  #refresh() {
    fitHeight(this.#question);
    this.#send.disabled = !this.#running && this.#question.value.trim() === "";
    this.#send.classList.toggle("stops", this.#running);
    this.#send.setAttribute("aria-label", this.#running ? "Stop" : "Send");
  }
}
