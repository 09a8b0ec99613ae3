// Code with its comments, strings, numbers and keywords marked: enough to see a text's shape, and
// the same few rules for all languages.

/** What is longer is shown as it is. */
const MAX_CHARACTERS = 50_000;

const SLASHES = String.raw`\/\/[^\n]*|\/\*[^]*?(?:\*\/|$)`;
const HASH = String.raw`(?<![^\s;])#[^\n]*`;
const DASHES = String.raw`--[^\n]*`;
/** Of the languages that have others than C's. */
const COMMENTS = {
  __proto__: null,
  python: HASH, py: HASH, ruby: HASH, rb: HASH, sh: HASH, bash: HASH, shell: HASH, zsh: HASH,
  yaml: HASH, yml: HASH, toml: HASH, r: HASH, perl: HASH, julia: HASH, dockerfile: HASH,
  makefile: HASH, elixir: HASH, sql: DASHES, lua: DASHES, haskell: DASHES, hs: DASHES,
  php: `${SLASHES}|${HASH}`, json: "(?!)",
};
/** Texts that are no programs. */
const PLAIN = ["", "text", "txt", "plain", "output", "console", "markdown", "md", "diff"];
const DOUBLE = String.raw`"(?:[^"\\\n]|\\[^])*"?`;
const SINGLE = String.raw`'(?:[^'\\\n]|\\[^])*'?`;
const LONG = String.raw`"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)`;
const BACKTICK = "`(?:[^`\\\\]|\\\\[^])*`?";
/** Where a single quote is a character's, and an apostrophe a lifetime's. */
const CHARACTER = String.raw`'(?:[^'\\\n]|\\[^\n]{1,8}?)'`;
const STRINGS = {
  __proto__: null,
  python: `${LONG}|${DOUBLE}|${SINGLE}`, py: `${LONG}|${DOUBLE}|${SINGLE}`,
  rust: `${DOUBLE}|${CHARACTER}`, rs: `${DOUBLE}|${CHARACTER}`, haskell: `${DOUBLE}|${CHARACTER}`,
  c: `${DOUBLE}|${CHARACTER}`, cpp: `${DOUBLE}|${CHARACTER}`, java: `${DOUBLE}|${CHARACTER}`,
  json: DOUBLE,
};
const NUMBER = String.raw`(?<![\w.])(?:0[xX][\da-fA-F_]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)\w*`;
const WORDS =
  "abstract and as assert async await begin bool boolean break case catch char class const " +
  "continue def default defer del delete do double elif else elsif end enum except export " +
  "extends extern false False final finally float fn for foreach from func function go goto " +
  "if impl implements import in include instanceof int interface is lambda let long loop " +
  "match mod module mut namespace new nil None not null nullptr or package pass private " +
  "protected pub public raise ref return self Self short signed sizeof static str string " +
  "struct super switch template then this throw throws trait true True try type typedef " +
  "typename typeof undefined union unless unsafe unsigned until use using var virtual void " +
  "where while with yield " +
  "SELECT FROM WHERE JOIN LEFT INNER ON GROUP BY ORDER HAVING LIMIT INSERT INTO VALUES " +
  "UPDATE SET DELETE CREATE TABLE AS AND OR NOT NULL";
const KEYWORD = String.raw`(?<![\w$.@-])(?:${WORDS.replaceAll(" ", "|")})(?![\w$-])`;

/** Nodes for a text in a language, by its name in lower case. */
export function highlight(text, language) {
  if (PLAIN.includes(language) || text.length > MAX_CHARACTERS) return [text];
  const comment = COMMENTS[language] ?? SLASHES;
  const strings = STRINGS[language] ?? `${DOUBLE}|${SINGLE}|${BACKTICK}`;
  const marks = new RegExp(
    `(?<comment>${comment})|(?<string>${strings})|(?<number>${NUMBER})|(?<keyword>${KEYWORD})`,
    "g",
  );
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(marks)) {
    const [kind] = Object.entries(found.groups).find(([, part]) => part !== undefined);
    const mark = document.createElement("span");
    mark.className = kind;
    mark.textContent = found[0];
    nodes.push(text.slice(at, found.index), mark);
    at = found.index + found[0].length;
  }
  nodes.push(text.slice(at));
  return nodes.filter((node) => node !== "");
}
