// Lists of Markdown.

import { dedent, element, indentOf, nextLine } from "./lines.js";

const ITEM = /^( *)([-*+]|\d{1,9}[.)])( +|$)/;
/** What stands so much deeper is inside of an item. */
const INNER = 2;

export const list = {
  begins: (lines, at) => ITEM.test(lines[at]),
  end(lines, at) {
    const [, { length: indent }, mark] = ITEM.exec(lines[at]);
    const belongs = (line) => {
      const item = ITEM.exec(line);
      if (!item || item[1].length >= indent + INNER) return indentOf(line) >= indent + INNER;
      return kindOf(item[2]) === kindOf(mark);
    };
    let end = at + 1;
    while (end < lines.length) {
      // Blank lines belong to the list if it goes on behind them.
      const further = nextLine(lines, end, (line) => line.trim() !== "");
      if (further === lines.length || !belongs(lines[further])) break;
      end = further + 1;
    }
    return end;
  },
  make(lines, within) {
    const [, { length: indent }, mark] = ITEM.exec(lines[0]);
    const items = [];
    for (const line of lines) {
      const item = ITEM.exec(line);
      if (item && item[1].length < indent + INNER) {
        items.push({ width: item[0].length, own: [line.slice(item[0].length)] });
      } else {
        items.at(-1).own.push(dedent(line, items.at(-1).width));
      }
    }
    const made = element(kindOf(mark));
    made.append(...items.map(({ own }) => element("li", ...entry(own, within))));
    const first = Number.parseInt(mark, 10);
    if (made.tagName === "OL" && first !== 1) made.start = first;
    return made;
  },
};

/** Whether a list begins in the middle of a paragraph: a year at a line's beginning is none. */
export function interrupts(line) {
  const [, , mark, blank] = ITEM.exec(line) ?? [];
  if (!blank) return false;
  return kindOf(mark) === "ul" || Number.parseInt(mark, 10) === 1;
}

const kindOf = (mark) => (/\d/.test(mark) ? "ol" : "ul");

/** What stands in an item; its first paragraph is none unless there are blank lines. */
function entry(lines, within) {
  const nodes = within(lines.join("\n"));
  const loose = lines.some((line, at) => at > 0 && at < lines.length - 1 && line.trim() === "");
  if (nodes[0]?.tagName === "P" && !loose) nodes.splice(0, 1, ...nodes[0].childNodes);
  return nodes;
}
