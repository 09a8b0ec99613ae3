// What the functions that the model called gave: a form, since only the reader can run them here,
// or what was given.

import { fitHeight, part, sends } from "./dom.js";
import { codeBlock } from "./text/code.js";
import { jsonTree } from "./text/json.js";

/** A result of so many characters stands beside its function's name. */
const SHORT = 60;

/** Shows the results of these calls. */
export function givenResults(calls, results) {
  const element = part("section", "turn results");
  element.setAttribute("aria-label", "Results");
  for (const { id, text } of results) {
    const name = calls.find((call) => call.id === id)?.name ?? id;
    const one = part("details", "call result");
    const summary = part("summary");
    summary.append(part("span", "function", name), part("span", "", " gave"));
    if (text.length <= SHORT && !text.includes("\n")) summary.append(part("code", "short", text));
    else one.open = true;
    const body = part("div", "body");
    body.append(jsonTree(text) ?? codeBlock(text));
    one.append(summary, body);
    element.append(one);
  }
  return element;
}

/** Asks for the results of these calls, and gives them to `give`. */
export function askedResults(calls, give) {
  const form = part("form", "turn results");
  form.setAttribute("aria-label", "Results of the calls");
  const fields = calls.map(({ name }) => {
    const label = part("label", "", "What ");
    label.append(part("code", "function", name), " gives");
    const field = part("textarea");
    field.rows = 1;
    field.required = true;
    field.placeholder = "A text, or JSON";
    field.addEventListener("input", () => fitHeight(field));
    field.addEventListener("keydown", (event) => {
      if (!sends(event)) return;
      event.preventDefault();
      form.requestSubmit();
    });
    label.append(field);
    form.append(label);
    return field;
  });
  const button = part("button", "primary", "Give to the model");
  form.append(button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    give(calls.map(({ id }, at) => ({ id, text: fields[at].value })));
  });
  return form;
}
