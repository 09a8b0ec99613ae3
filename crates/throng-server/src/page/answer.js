// A turn of the model's, from the first sign of it to its last figure.

import { branchSwitch } from "./branches.js";
import { Call } from "./call.js";
import { copyButton } from "./copy.js";
import { labelled, part, tool } from "./dom.js";
import { duration, plural, speed } from "./figures.js";
import { Thought } from "./thought.js";
import { jsonTree } from "./text/json.js";
import { Growing } from "./text/markdown.js";

/** How an answer ended, where that is worth saying. */
const ENDS = { __proto__: null, stopped: "stopped", length: "cut at the context's end" };

export class Answer {
  #waiting = part("span", "waiting");
  #thought = null;
  #content = null;
  #calls = [];
  #facts = part("div", "facts");
  #actions = part("div", "actions");
  #foot = part("footer");

  constructor() {
    this.element = part("article", "turn assistant");
    this.element.setAttribute("aria-label", "Answer");
    this.element.setAttribute("aria-busy", "true");
    this.#waiting.setAttribute("role", "img");
    this.#waiting.setAttribute("aria-label", "Waiting for the first token");
    // Figures that change several times a second are not for reading aloud.
    this.#facts.setAttribute("aria-live", "off");
    this.#foot.append(this.#actions, this.#facts);
    this.element.append(this.#waiting, this.#foot);
  }

  /** Shows what was said so far. */
  draw(turn, live = true) {
    if (turn.figures.firstMs !== null || !live) this.#waiting.remove();
    if (turn.reasoning) {
      this.#thought ??= this.#before(new Thought());
      this.#thought.draw(turn, live && turn.thinks);
    }
    if (turn.text) this.#drawText(turn.text, live);
    turn.calls.forEach((call, at) => {
      this.#calls[at] ??= this.#before(new Call());
      this.#calls[at].draw(call, live);
    });
    this.#drawFacts(turn);
  }

  #drawText(text, live) {
    this.#content ??= this.#before(new Growing(part("div", "content")));
    const tree = live ? null : jsonTree(text);
    if (!tree) {
      this.#content.draw(text);
      return;
    }
    this.#content.element.replaceChildren(tree);
    this.element.classList.add("is-json");
  }

  #drawFacts({ figures, end }) {
    const { firstMs, tokens, promptTokens, cachedTokens } = figures;
    const facts = [
      ["rate", speed(figures)],
      ["first", firstMs === null ? null : `first token after ${duration(firstMs)}`],
      ["count", tokens > 0 ? plural(tokens, "token") : null],
      ["prompt", promptTokens === null ? null : prompt(promptTokens, cachedTokens)],
      ["end", ENDS[end]],
    ];
    this.#facts.replaceChildren(
      ...facts.flatMap(([name, words]) => (words ? [part("span", name, words)] : [])),
    );
  }

  /** The answer is complete: shows it, and buttons that do these things. */
  end(turn, { siblings, index, choose, retry }) {
    this.draw(turn, false);
    this.element.setAttribute("aria-busy", "false");
    const shape = tool("words", "Show as text", () => {
      shape.remove();
      this.element.classList.remove("is-json");
      this.#content.element.replaceChildren(part("pre", "raw", turn.text));
    });
    this.#actions.append(
      branchSwitch(siblings, index, choose),
      turn.text ? copyButton("Copy", () => turn.text) : "",
      tool("retry", "Try again", () => retry(index)),
      this.element.classList.contains("is-json") ? shape : "",
    );
  }

  /** There is no answer; `retry` asks again. */
  fail(message, retry) {
    this.#waiting.remove();
    this.#foot.remove();
    this.element.setAttribute("aria-busy", "false");
    const failure = part("p", "failure", message);
    failure.setAttribute("role", "alert");
    failure.append(labelled("Try again", "", retry));
    this.element.append(failure);
  }

  #before(view) {
    this.#foot.before(view.element);
    return view;
  }
}

function prompt(tokens, cached) {
  const words = plural(tokens, "prompt token");
  return cached ? `${words}, ${cached.toLocaleString("en")} cached` : words;
}
