// A button that copies a text.

import { icon, tool } from "./dom.js";

/** How long the button says that it did. */
const DONE_MS = 1500;

/** The button, or nothing where the browser lets no page copy, as it does without TLS. */
export function copyButton(label, text) {
  if (!navigator.clipboard) return "";
  const button = tool("copy", label, async () => {
    let done = "done";
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      done = "close";
    }
    button.replaceChildren(icon(done));
    button.title = done === "done" ? "Copied" : "The browser refused";
    setTimeout(() => {
      button.replaceChildren(icon("copy"));
      button.title = label;
    }, DONE_MS);
  });
  return button;
}
