// Tables of Markdown.

import { inline } from "./inline.js";
import { element, nextLine } from "./lines.js";

const DELIMITERS = /^ *\|?( *:?-+:? *\|)+( *:?-+:? *)?$/;

export const table = {
  begins: (lines, at) => lines[at].includes("|") && DELIMITERS.test(lines[at + 1] ?? ""),
  end: (lines, at) => nextLine(lines, at + 2, (line) => !line.includes("|")),
  make([head, delimiters, ...lines]) {
    const sides = cells(delimiters).map(sideOf);
    const row = (line, name) => {
      const made = cells(line).slice(0, sides.length).map((cell) => element(name, ...inline(cell)));
      made.forEach((cell, column) => (cell.className = sides[column]));
      return element("tr", ...made);
    };
    const body = element("tbody", ...lines.map((line) => row(line, "td")));
    // It scrolls by itself where it is too wide, and the keyboard reaches it.
    const frame = element("div", element("table", element("thead", row(head, "th")), body));
    frame.className = "table";
    frame.tabIndex = 0;
    return frame;
  },
};

/** Where the cells of a column stand. */
function sideOf(delimiter) {
  if (!delimiter.endsWith(":")) return "";
  return delimiter.startsWith(":") ? "middle" : "right";
}

/** Texts of a row. */
function cells(line) {
  const inner = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}
