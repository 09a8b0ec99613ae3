// A short note at the page's foot, with something to do about it.

import { find, labelled, part } from "./dom.js";

/** How long it stays. */
const NOTE_MS = 7000;
let leaves = null;

/** Shows the note; `act` belongs to a button with this label. */
export function note(words, label, act) {
  clearTimeout(leaves);
  const close = () => find("note").replaceChildren();
  const button = labelled(label, "link", () => {
    close();
    act();
  });
  find("note").replaceChildren(part("span", "", words), button);
  leaves = setTimeout(close, NOTE_MS);
}
