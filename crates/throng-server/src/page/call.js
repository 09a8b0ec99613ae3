// A call of a function that the model wants: its name, and its arguments as a tree.

import { copyButton } from "./copy.js";
import { icon, part } from "./dom.js";
import { codeBlock } from "./text/code.js";
import { jsonTree } from "./text/json.js";

export class Call {
  #name = part("span", "function");
  #arguments = part("div", "arguments");
  #drawn = null;

  constructor() {
    this.element = part("details", "call");
    this.element.open = true;
    const summary = part("summary");
    summary.append(icon("call"), part("span", "", "Calls "), this.#name);
    const copy = copyButton("Copy the arguments", () => this.#drawn);
    this.#arguments.append("");
    const body = part("div", "body");
    body.append(this.#arguments, copy);
    this.element.append(summary, body);
  }

  draw(call, live) {
    this.#name.textContent = call.name;
    const text = call.arguments;
    // Half an object is no tree.
    const tree = live ? null : jsonTree(text);
    this.#arguments.replaceChildren(tree ?? codeBlock(text, "json"));
    this.#drawn = text;
  }
}
