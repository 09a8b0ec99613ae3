// What a chat may be told besides its messages: instructions, functions, and the answer's form.

import { find, icon, labelled } from "./dom.js";
import { plural } from "./figures.js";
import { ANSWER_SCHEMA, CALCULATOR, parseFunctions, parseSchema } from "./request.js";

const FIELDS = ["instructions", "functions", "schema"];
const PARSERS = { functions: parseFunctions, schema: parseSchema };
const EXAMPLES = { functions: CALCULATOR, schema: ANSWER_SCHEMA };

export class Settings {
  #dialog = find("settings");
  #changed;

  /** `changed(settings)` is called with what the reader has set. */
  constructor(changed) {
    this.#changed = changed;
    find("tune").addEventListener("click", () => this.open());
    find("settings-form").addEventListener("submit", (event) => {
      if (this.#wrong()) event.preventDefault();
      else this.#changed(Object.fromEntries(FIELDS.map((name) => [name, find(name).value.trim()])));
    });
    for (const [name, example] of Object.entries(EXAMPLES)) {
      find(`${name}-example`).addEventListener("click", () => {
        find(name).value = JSON.stringify(example, null, 2);
        this.#wrong();
      });
      find(name).addEventListener("change", () => this.#wrong());
    }
    // A click beside it closes it, as Escape does; both leave all as it was.
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog) this.#dialog.close();
    });
    this.#dialog.addEventListener("close", () => this.#fill());
  }

  /** Shows the settings of a chat. */
  draw(settings) {
    this.settings = settings;
    // What the reader is writing stays.
    if (!this.#dialog.open) this.#fill();
    const open = (name) => () => this.open(name);
    const chip = (name, drawing, words) => {
      const button = labelled(words, "chip", open(name));
      button.prepend(icon(drawing));
      return settings[name] ? [button] : [];
    };
    find("set").replaceChildren(
      ...chip("instructions", "words", "Instructions"),
      ...chip("functions", "call", functionCount(settings.functions)),
      ...chip("schema", "form", "JSON"),
    );
  }

  #fill() {
    for (const name of FIELDS) find(name).value = this.settings[name];
    this.#wrong();
  }

  /** Opens the dialog at one of its fields. */
  open(name = FIELDS[0]) {
    if (!this.#dialog.open) this.#dialog.showModal();
    find(name).focus();
  }

  close() {
    this.#dialog.close();
  }

  /** Says what is wrong with the fields, and whether anything is. */
  #wrong() {
    const wrong = Object.entries(PARSERS).map(([name, parse]) => {
      let message = "";
      try {
        parse(find(name).value);
      } catch (error) {
        message = error.message;
      }
      find(`${name}-wrong`).textContent = message;
      find(name).setAttribute("aria-invalid", String(message !== ""));
      return message;
    });
    return wrong.some((message) => message !== "");
  }
}

function functionCount(text) {
  try {
    return plural(parseFunctions(text)?.length ?? 0, "function");
  } catch {
    return "Functions";
  }
}
