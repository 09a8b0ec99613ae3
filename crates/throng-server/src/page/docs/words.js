// Elements, and the document's words as elements: texts become text nodes, never markup.

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\(((?:(?:https:\/)?\/|#)[^)\s]*)\)/g;
const BULLET = /^- /;
const HEADING = /^#+ /;

/** An element with a class, and what is in it. */
export function make(name, className = "", ...content) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...content);
  return element;
}

/** A text of several paragraphs, lists and headings, whose lines may be broken anywhere. */
export function prose(text = "") {
  const blocks = text.split(/\n\s*\n/).filter((block) => block.trim() !== "");
  return blocks.map((block) => {
    if (HEADING.test(block)) return heading(block.replace(HEADING, ""));
    if (!BULLET.test(block)) return make("p", "", ...inline(joined(block)));
    const items = block.split(/\n(?=- )/).map((item) => joined(item.replace(BULLET, "")));
    return make("ul", "", ...items.map((item) => make("li", "", ...inline(item))));
  });
}

/** A text of one paragraph. */
export function inline(text = "") {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    const [whole, code, bold, label, target] = found;
    nodes.push(text.slice(at, found.index));
    const element = make(code ? "code" : bold ? "strong" : "a", "", code ?? bold ?? label);
    if (target) element.href = target;
    nodes.push(element);
    at = found.index + whole.length;
  }
  nodes.push(text.slice(at));
  return nodes;
}

/** A heading that links find by its words. */
function heading(text) {
  const element = make("h3", "", text);
  element.id = text.toLowerCase().replaceAll(" ", "-");
  return element;
}

function joined(lines) {
  return lines.replace(/\s*\n\s*/g, " ");
}
