// What the model thinks before it answers: open while it thinks, folded after that.

import { part } from "./dom.js";
import { duration, plural } from "./figures.js";

export class Thought {
  #summary = part("summary");
  #text = part("div", "text");
  #live = false;

  constructor() {
    this.element = part("details", "thought");
    this.element.append(this.#summary, this.#text);
  }

  draw({ reasoning, figures }, live) {
    const text = reasoning.trim();
    if (this.#text.textContent !== text) this.#text.textContent = text;
    const length = `${duration(figures.thoughtMs)}, ${plural(figures.reasoningTokens, "token")}`;
    this.#summary.textContent = live ? `Thinking… ${length}` : `Thought for ${length}`;
    if (live !== this.#live) {
      // After that it is the reader's.
      this.element.open = live;
      this.element.classList.toggle("live", live);
      this.#live = live;
    }
    if (live) this.#text.scrollTop = this.#text.scrollHeight;
  }
}
