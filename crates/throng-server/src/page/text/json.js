// JSON as a tree whose objects and lists fold.

import { part } from "../dom.js";
import { codeBlock } from "./code.js";

/** What is deeper or has more values is shown as text. */
const MAX_DEPTH = 24;
const MAX_VALUES = 1500;
/** Deeper ones are folded at first. */
const OPEN_DEPTH = 3;

/** A number as it was written: one of many digits would lose some. */
class Written {
  constructor(source) {
    this.source = source;
  }
}

/** The value that a text is, or `undefined`. */
export function parsed(text) {
  try {
    return JSON.parse(text, (_, value, context) =>
      typeof value === "number" ? new Written(context?.source ?? String(value)) : value,
    );
  } catch {
    return undefined;
  }
}

/** A tree for a text that is an object or a list; `null` for any other. */
export function jsonTree(text) {
  const value = /^\s*[[{]/.test(text) ? parsed(text) : undefined;
  if (value === undefined) return null;
  if (!fits(value)) return codeBlock(text, "json");
  const tree = part("div", "json");
  tree.append(node(null, value, "", 0));
  return tree;
}

/** Whether a value is small enough to be a tree. */
function fits(value) {
  let left = MAX_VALUES;
  const count = (one, depth) => {
    left -= 1;
    if (left < 0 || depth > MAX_DEPTH) return false;
    return !isContainer(one) || Object.values(one).every((inner) => count(inner, depth + 1));
  };
  return count(value, 0);
}

function node(name, value, comma, depth) {
  const label = name === null ? [] : [part("span", "name", JSON.stringify(name)), ": "];
  if (!isContainer(value) || Object.keys(value).length === 0) {
    const line = part("div", "line");
    line.append(...label, leaf(value), comma);
    return line;
  }
  const list = Array.isArray(value);
  const [open, close] = list ? ["[", "]"] : ["{", "}"];
  const members = Object.entries(value);
  const element = part("details", "branch");
  element.open = depth < OPEN_DEPTH;
  const summary = part("summary");
  const count = `… ${members.length} ${close}${comma}`;
  summary.append(...label, open, part("span", "folded", count));
  const inner = part("div", "members");
  inner.append(
    ...members.map(([key, one], at) =>
      node(list ? null : key, one, at + 1 < members.length ? "," : "", depth + 1),
    ),
  );
  element.append(summary, inner, part("div", "line", close + comma));
  return element;
}

function leaf(value) {
  if (value instanceof Written) return part("span", "number", value.source);
  if (typeof value === "string") return part("span", "string", JSON.stringify(value));
  if (isContainer(value)) return part("span", "", Array.isArray(value) ? "[]" : "{}");
  return part("span", "keyword", String(value));
}

function isContainer(value) {
  return value !== null && typeof value === "object" && !(value instanceof Written);
}
