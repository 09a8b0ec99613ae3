// One answer on the page, from the first sign of it to its last figure.

import { markdown } from "./markdown.js";

const duration = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** Shows an answer while it is written. */
export class Answer {
  constructor() {
    this.element = document.createElement("article");
    this.element.className = "turn assistant";
    this.element.setAttribute("aria-label", "Answer");
    this.element.setAttribute("aria-busy", "true");
    this.waiting = part("span", "waiting");
    this.waiting.setAttribute("role", "img");
    this.waiting.setAttribute("aria-label", "Waiting for the first token");
    this.element.append(this.waiting);
    this.text = "";
    this.reasoning = "";
    this.asked = performance.now();
    this.first = null;
    this.last = null;
    this.thoughtUntil = null;
    this.pieces = 0;
    this.reasoningPieces = 0;
    this.usage = null;
    this.drawn = true;
  }

  /** Takes in one chunk of the API's answer. */
  add(chunk) {
    if (chunk.usage) this.usage = chunk.usage;
    const delta = chunk.choices[0]?.delta ?? {};
    if (!delta.reasoning && !delta.content) return;
    this.last = performance.now();
    this.first ??= this.last;
    this.pieces += 1;
    if (delta.reasoning) {
      this.reasoning += delta.reasoning;
      this.reasoningPieces += 1;
    }
    if (delta.content) {
      this.text += delta.content;
      this.thoughtUntil ??= this.last;
    }
    if (this.drawn) {
      this.drawn = false;
      requestAnimationFrame(() => this.draw());
    }
  }

  draw() {
    this.drawn = true;
    this.waiting.remove();
    if (this.reasoning) this.drawThought();
    if (this.text) {
      this.content ??= this.append(part("div", "content"));
      this.content.replaceChildren(...markdown(this.text));
    }
    this.onDraw?.();
  }

  drawThought() {
    if (!this.thought) {
      this.thought = part("details", "thought live");
      this.thought.open = true;
      this.summary = part("summary");
      this.thoughtText = part("div", "text");
      this.thought.append(this.summary, this.thoughtText);
      this.append(this.thought);
    }
    this.thoughtText.textContent = this.reasoning.trim();
    const live = this.thoughtUntil === null && !this.ended;
    const ms = (this.thoughtUntil ?? this.last) - this.asked;
    const tokens = this.usage?.completion_tokens_details?.reasoning_tokens ?? this.reasoningPieces;
    const length = `${duration(ms)}, ${plural(tokens, "token")}`;
    this.summary.textContent = live ? `Thinking… ${length}` : `Thought for ${length}`;
    if (live) {
      this.thoughtText.scrollTop = this.thoughtText.scrollHeight;
    } else if (this.thought.classList.contains("live")) {
      // Folded when the thinking ends; after that it is the reader's.
      this.thought.classList.remove("live");
      this.thought.open = false;
    }
  }

  /** The answer is complete, or was stopped. */
  end({ stopped = false, cut = false } = {}) {
    this.ended = true;
    this.draw();
    this.element.setAttribute("aria-busy", "false");
    const facts = part("footer", "facts");
    const tokens = this.usage?.completion_tokens ?? this.pieces;
    const ms = this.last - this.first;
    if (tokens > 1 && ms > 0) {
      const rate = ((tokens - 1) * 1000) / ms;
      facts.append(part("span", "rate", `${rate.toFixed(rate < 100 ? 1 : 0)} tokens/s`));
    }
    if (this.first !== null) {
      facts.append(part("span", "first", `first token after ${duration(this.first - this.asked)}`));
    }
    facts.append(part("span", "count", plural(tokens, "token")));
    if (stopped) facts.append(part("span", "", "stopped"));
    if (cut) facts.append(part("span", "", "cut at the context's end"));
    if (this.text && navigator.clipboard) facts.append(this.copyButton());
    this.append(facts);
  }

  /** The answer failed; `retry` asks again. */
  fail(message, retry) {
    this.ended = true;
    this.draw();
    this.element.setAttribute("aria-busy", "false");
    const failure = part("p", "failure", message);
    failure.setAttribute("role", "alert");
    const button = part("button", "", "Try again");
    button.type = "button";
    button.addEventListener("click", retry);
    failure.append(button);
    this.append(failure);
  }

  copyButton() {
    const button = part("button", "", "Copy");
    button.type = "button";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(this.text);
        button.textContent = "Copied";
      } catch {
        button.textContent = "The browser refused";
      }
    });
    return button;
  }

  append(element) {
    this.element.append(element);
    return element;
  }
}

/** An element with a class and a text. */
export function part(name, className = "", text = "") {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}
