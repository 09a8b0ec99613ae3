// A turn of the reader's: its text, which can be edited.

import { branchSwitch } from "./branches.js";
import { copyButton } from "./copy.js";
import { fitHeight, labelled, part, sends, tool } from "./dom.js";

export class Question {
  #text;
  #bubble;
  #actions;

  /** `actions`: what its buttons do. */
  constructor(text, siblings, index, actions) {
    this.#text = text;
    this.#bubble = part("div", "bubble", text);
    this.#actions = part("div", "actions");
    this.#actions.append(
      branchSwitch(siblings, index, actions.choose),
      copyButton("Copy", () => text),
      tool("edit", "Edit", () => this.edit()),
    );
    this.send = (edited) => actions.edit(index, edited);
    this.element = part("article", "turn user");
    this.element.setAttribute("aria-label", "You");
    this.element.append(this.#bubble, this.#actions);
  }

  /** Puts a field in the place of the text. */
  edit() {
    const form = part("form", "editor");
    const field = part("textarea");
    field.value = this.#text;
    field.setAttribute("aria-label", "Your message, edited");
    const close = () => {
      form.replaceWith(this.#bubble, this.#actions);
      this.#actions.lastChild.focus();
    };
    field.addEventListener("input", () => fitHeight(field));
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        close();
      } else if (sends(event)) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = field.value.trim();
      if (text) this.send(text);
    });
    const buttons = part("div", "buttons");
    buttons.append(labelled("Cancel", "link", close), part("button", "primary", "Send"));
    form.append(field, buttons);
    this.#actions.remove();
    this.#bubble.replaceWith(form);
    fitHeight(field);
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  }
}
