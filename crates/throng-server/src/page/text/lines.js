// What the kinds of blocks share.

/** The first line from `from` on that is wanted, or the end. */
export function nextLine(lines, from, wanted) {
  let at = from;
  while (at < lines.length && !wanted(lines[at], at)) at += 1;
  return at;
}

/** How many blanks a line begins with. */
export function indentOf(line) {
  return /^ */.exec(line)[0].length;
}

/** A line without the blanks, up to so many of them, that it begins with. */
export function dedent(line, width) {
  return line.slice(Math.min(indentOf(line), width));
}

/** An element with these children. */
export function element(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}
