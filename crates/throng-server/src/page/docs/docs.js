// The page to read the API by: fetches the document and lays it out.

import { session } from "../storage.js";
import { operation } from "./operation.js";
import { Schemas } from "./schema.js";
import { make, prose } from "./words.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
/** Below this width the contents are folded. */
const WIDE = matchMedia("(min-width: 56rem)");

/** Where the chat page keeps it too, until the tab is closed. */
const KEY = "throng.key";

const find = (id) => document.getElementById(id);

/** The operations of a document, each with its path and method. */
function* operations(api) {
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((name) => name in methods)) {
      yield { path, method, ...methods[method] };
    }
  }
}

/** A group of operations: what the contents and what the page show of it. */
function group(tag, members, schemas) {
  const heading = make("h2", "", tag.name);
  heading.id = tag.name.toLowerCase();
  const links = members.map((member) => {
    const link = make("a", "", make("span", `method ${member.method}`, member.method), member.path);
    link.href = `#${member.operationId}`;
    link.title = member.summary;
    const item = make("li", "", link);
    return item;
  });
  find("groups").append(make("h2", "", tag.name), make("ul", "", ...links));
  const shown = members.map((member) => operation(member, schemas, () => find("key").value.trim()));
  return make("section", "", heading, ...prose(tag.description), ...shown);
}

async function show() {
  const response = await fetch("/openapi.json");
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  const api = await response.json();
  const schemas = new Schemas(api);
  const all = [...operations(api)];
  find("release").textContent = api.info.version;
  find("document").append(
    ...prose(api.info.description),
    ...api.tags.map((tag) =>
      group(tag, all.filter((one) => one.tags.includes(tag.name)), schemas),
    ),
  );
}

const fold = () => {
  find("contents").open = WIDE.matches;
};
fold();
WIDE.addEventListener("change", fold);
find("groups").addEventListener("click", () => {
  if (!WIDE.matches) fold();
});
find("key").value = session?.getItem(KEY) ?? "";
find("key").addEventListener("change", () => session?.setItem(KEY, find("key").value));

try {
  await show();
} catch (error) {
  find("document").append(make("p", "failure", error.message));
}
find("main").setAttribute("aria-busy", "false");
document.getElementById(location.hash.slice(1))?.scrollIntoView();
