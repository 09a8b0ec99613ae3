// Markdown as DOM nodes: the text of an answer never becomes markup.

import { BLOCKS } from "./blocks.js";

/** How deep lists and quotations may stand in each other; what is deeper is a paragraph. */
const MAX_DEPTH = 8;

/** Nodes for a text. */
export function markdown(text, depth = 0) {
  return split(text, depth).map((block) => block.make());
}

/**
 * Shows a text that grows in an element: blocks that are as they were stay, so that a selection
 * survives, and a long answer costs no more than its last block.
 */
export class Growing {
  #drawn = [];

  constructor(element) {
    this.element = element;
  }

  draw(text) {
    const blocks = split(text, 0);
    const same = blocks.findIndex((block, at) => block.source !== this.#drawn[at]?.source);
    const from = same < 0 ? blocks.length : same;
    for (const { node } of this.#drawn.splice(from)) node.remove();
    for (const { source, make } of blocks.slice(from)) {
      const node = make();
      this.element.append(node);
      this.#drawn.push({ source, node });
    }
  }
}

/** The blocks of a text: their sources, and what makes their nodes. */
function split(text, depth) {
  const lines = text.split("\n");
  const kinds = depth < MAX_DEPTH ? BLOCKS : BLOCKS.slice(-1);
  const found = [];
  for (let at = 0; at < lines.length; ) {
    if (lines[at].trim() === "") {
      at += 1;
      continue;
    }
    const kind = kinds.find(({ begins }) => begins(lines, at));
    const end = kind.end(lines, at);
    const source = lines.slice(at, end);
    found.push({
      source: source.join("\n"),
      make: () => kind.make(source, (inner) => markdown(inner, depth + 1)),
    });
    at = end;
  }
  return found;
}
