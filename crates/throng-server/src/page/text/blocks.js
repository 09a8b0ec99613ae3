// The kinds of blocks that Markdown has, the last of them what all others are not.
//
// Each says whether it begins at a line, before which line it ends, and which node its lines make;
// `within` makes nodes of what stands inside.

import { codeBlock } from "./code.js";
import { inline } from "./inline.js";
import { element, nextLine } from "./lines.js";
import { interrupts, list } from "./list.js";
import { table } from "./table.js";

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])(\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?/;

const fence = {
  begins: (lines, at) => FENCE.test(lines[at]),
  end(lines, at) {
    const [, mark] = FENCE.exec(lines[at]);
    return Math.min(nextLine(lines, at + 1, (line) => closes(line, mark)) + 1, lines.length);
  },
  make(lines) {
    const [, mark, language] = FENCE.exec(lines[0]);
    const closed = lines.length > 1 && closes(lines.at(-1), mark);
    return codeBlock(lines.slice(1, closed ? -1 : undefined).join("\n"), language);
  },
};

/** Whether a line ends the code that began with this mark: it is as long, or longer. */
function closes(line, mark) {
  const text = line.trim();
  return text.startsWith(mark) && text.replaceAll(mark[0], "") === "";
}

const heading = {
  begins: (lines, at) => HEADING.test(lines[at]),
  end: (_, at) => at + 1,
  make([line]) {
    const [, marks, text] = HEADING.exec(line);
    // The page has the two above.
    return element(`h${Math.min(marks.length + 2, 6)}`, ...inline(text));
  },
};

const rule = {
  begins: (lines, at) => RULE.test(lines[at]),
  end: (_, at) => at + 1,
  make: () => element("hr"),
};

const quote = {
  begins: (lines, at) => QUOTE.test(lines[at]),
  end: (lines, at) => nextLine(lines, at, (line) => !QUOTE.test(line)),
  make(lines, within) {
    const inner = lines.map((line) => line.replace(QUOTE, ""));
    return element("blockquote", ...within(inner.join("\n")));
  },
};

const paragraph = {
  begins: () => true,
  end(lines, at) {
    const others = [fence, heading, rule, quote, table];
    const ends = (line, place) =>
      line.trim() === "" || interrupts(line) || others.some(({ begins }) => begins(lines, place));
    return nextLine(lines, at + 1, ends);
  },
  make: (lines) => element("p", ...inline(lines.join("\n"))),
};

/** In the order in which they are looked for. */
export const BLOCKS = [fence, heading, rule, quote, list, table, paragraph];
