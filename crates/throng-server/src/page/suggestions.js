// Questions for an empty page, some with settings that show what can be had.

import { find, part } from "./dom.js";
import { ANSWER_SCHEMA, CALCULATOR } from "./request.js";

const SUGGESTIONS = [
  { text: "What is 37 * 48?", words: "worked out at high effort", settings: { effort: "high" } },
  {
    text: "How does batching make serving cheaper?",
    words: "what this server is about",
    settings: {},
  },
  {
    text: "What is 128 * 46?",
    words: "with a calculator to call",
    settings: { functions: JSON.stringify(CALCULATOR, null, 2) },
  },
  {
    text: "What is 7 * 8?",
    words: "answered as JSON, to a schema",
    settings: { effort: "high", schema: JSON.stringify(ANSWER_SCHEMA, null, 2) },
  },
];

/** Lists them; `ask(text, settings)` is called with the one that is taken. */
export function listSuggestions(ask) {
  for (const { text, words, settings } of SUGGESTIONS) {
    const button = part("button");
    button.type = "button";
    button.append(part("span", "text", text), part("small", "", words));
    button.addEventListener("click", () => ask(text, settings));
    const item = part("li");
    item.append(button);
    find("suggestions").append(item);
  }
}
