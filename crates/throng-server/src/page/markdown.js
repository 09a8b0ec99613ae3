// The little Markdown that answers use, as DOM nodes: the text of an answer never becomes markup.

const FENCE = /^\s*```/;
const BULLET = /^\s*[-*+]\s+/;
const NUMBER = /^\s*\d{1,9}[.)]\s+/;
const HEADING = /^#{1,6}\s+/;
const INLINE = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|\*([^*\s](?:[^*\n]*[^*\s])?)\*(?![\w*])/g;

/** Nodes for a text: paragraphs, headings, lists and code. */
export function markdown(text) {
  const lines = text.split("\n");
  const nodes = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    if (FENCE.test(line)) {
      const end = next(lines, at + 1, (candidate) => FENCE.test(candidate));
      nodes.push(code(lines.slice(at + 1, end).join("\n")));
      at = end + 1;
    } else if (BULLET.test(line) || NUMBER.test(line)) {
      const mark = BULLET.test(line) ? BULLET : NUMBER;
      const end = next(lines, at, (candidate) => !mark.test(candidate));
      nodes.push(list(lines.slice(at, end), mark));
      at = end;
    } else if (HEADING.test(line)) {
      nodes.push(block("h3", line.replace(HEADING, "")));
      at += 1;
    } else if (line.trim() === "") {
      at += 1;
    } else {
      const end = next(lines, at + 1, startsBlock);
      nodes.push(block("p", lines.slice(at, end).join("\n")));
      at = end;
    }
  }
  return nodes;
}

function startsBlock(line) {
  return line.trim() === "" || [FENCE, BULLET, NUMBER, HEADING].some((mark) => mark.test(line));
}

/** The first line from `from` on that is wanted, or the end. */
function next(lines, from, wanted) {
  let at = from;
  while (at < lines.length && !wanted(lines[at])) at += 1;
  return at;
}

function code(text) {
  const pre = document.createElement("pre");
  const inner = document.createElement("code");
  inner.textContent = text;
  pre.append(inner);
  return pre;
}

function list(lines, mark) {
  const items = document.createElement(mark === BULLET ? "ul" : "ol");
  if (mark === NUMBER) items.start = Number.parseInt(lines[0], 10);
  items.append(...lines.map((line) => block("li", line.replace(mark, ""))));
  return items;
}

function block(name, text) {
  const element = document.createElement(name);
  element.append(...inline(text));
  return element;
}

function inline(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    const [whole, coded, bold, italic] = found;
    nodes.push(text.slice(at, found.index));
    const element = document.createElement(coded ? "code" : bold ? "strong" : "em");
    element.textContent = coded ?? bold ?? italic;
    nodes.push(element);
    at = found.index + whole.length;
  }
  nodes.push(text.slice(at));
  return nodes;
}
