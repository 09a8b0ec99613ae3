// What Markdown marks within a line: code, emphasis and links.

import { element } from "./lines.js";

/** Where a link may lead: never to a script. */
const SAFE = ["http:", "https:", "mailto:"];
/** In the order in which they are looked for. */
const MARKS = [
  /\\(?<escaped>[!-/:-@[-`{-~])/,
  /(?<!`)(?<ticks>`+)(?<code>[^`](?:[^\n]*?[^`])?)\k<ticks>(?!`)/,
  new RegExp(
    /!?\[(?<label>[^[\]\n]*)\]/.source +
      /\(\s*<?(?<target>[^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:\s+"[^"\n]*")?\s*\)/.source,
  ),
  /<?(?<address>\bhttps?:\/\/[^\s<>]*[^\s<>.,;:!?'")\]}*_`])>?/,
  /\*\*(?=\S)(?<bold>(?:[^*\n]|\*(?!\*))+?)\*\*/,
  /~~(?=\S)(?<struck>[^~\n]+)~~/,
  /\*(?<italic>[^*\s](?:[^*\n]*[^*\s])?)\*(?![\w*])/,
  /(?<![\w_])_(?<slanted>[^_\s](?:[^_\n]*[^_\s])?)_(?![\w_])/,
];
const ANY = new RegExp(MARKS.map(({ source }) => source).join("|"), "g");

/** Nodes for a text without blocks. */
export function inline(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(ANY)) {
    nodes.push(text.slice(at, found.index), node(found[0], found.groups));
    at = found.index + found[0].length;
  }
  nodes.push(text.slice(at));
  return nodes.filter((one) => one !== "");
}

function node(whole, { escaped, code, label, target, address, bold, struck, italic, slanted }) {
  if (escaped !== undefined) return escaped;
  if (code !== undefined) return element("code", code.replace(/^ (.*\S.*) $/, "$1"));
  if (target !== undefined) return link(target, inline(label || target)) ?? whole;
  if (address !== undefined) return link(address, [address]) ?? whole;
  if (bold !== undefined) return element("strong", ...inline(bold));
  if (struck !== undefined) return element("del", ...inline(struck));
  return element("em", ...inline(italic ?? slanted));
}

/** A link that tells its target nothing of this page; `null` if it leads where none may. */
function link(target, children) {
  if (!URL.canParse(target) || !SAFE.includes(new URL(target).protocol)) return null;
  const made = element("a", ...children);
  made.href = target;
  made.target = "_blank";
  made.rel = "noopener noreferrer";
  return made;
}
