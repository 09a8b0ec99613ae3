// A block of code: its language, a button that copies it, and its text.

import { copyButton } from "../copy.js";
import { part } from "../dom.js";
import { highlight } from "./highlight.js";

/** The block of a text in a language, which may be unknown or none. */
export function codeBlock(text, language = "") {
  const block = part("div", "code");
  const head = part("div", "head");
  head.append(part("span", "language", language), copyButton("Copy this code", () => text));
  const pre = part("pre");
  // It scrolls by itself, and the keyboard reaches it.
  pre.tabIndex = 0;
  const code = part("code");
  code.append(...highlight(text, language.toLowerCase()));
  pre.append(code);
  block.append(head, pre);
  return block;
}
