// A place to send a request, and to see what comes back.

import { make } from "./words.js";

/** More of an answer than this is not shown. */
const MOST_CHARACTERS = 100_000;

/** The place for an operation; `key` gives the reader's API key. */
export function trial({ operationId, method, path, parameters, requestBody }, key) {
  const form = make("form", "");
  const asked = (parameters ?? []).map((parameter) => {
    const { name, example = "" } = parameter;
    return { parameter, ...field("input", `${operationId}-${name}`, name, example) };
  });
  const fields = [...asked];
  if (requestBody) {
    const example = requestBody.content["application/json"].example;
    const text = JSON.stringify(example, null, 2);
    const area = field("textarea", `${operationId}-body`, "Body", text);
    area.control.rows = text.split("\n").length;
    fields.push(area);
  }
  const send = make("button", "primary", "Send");
  const shown = make("pre", "shown");
  shown.hidden = true;
  shown.tabIndex = 0;
  shown.setAttribute("aria-live", "polite");
  form.append(...fields.flatMap(({ label, control }) => [label, control]), send, shown);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    shown.hidden = false;
    const body = requestBody && fields.at(-1).control.value;
    try {
      await run(address(path, asked), method, body, key(), shown);
    } catch (error) {
      shown.textContent += `\n${error.message}`;
    }
    send.disabled = false;
  });
  return make("details", "trial", make("summary", "", "Try it"), form);
}

/** A path with what was asked in it and behind it; what is empty is left out. */
function address(path, asked) {
  const query = new URLSearchParams();
  for (const { parameter, control } of asked) {
    const { name } = parameter;
    if (parameter.in === "path") path = path.replace(`{${name}}`, encodeURIComponent(control.value));
    else if (control.value !== "") query.append(name, control.value);
  }
  return query.size === 0 ? path : `${path}?${query}`;
}

function field(name, id, text, value) {
  const label = make("label", "", text);
  label.htmlFor = id;
  const control = make(name, "");
  control.id = id;
  control.value = value;
  control.spellcheck = false;
  return { label, control };
}

/** Sends a request, and shows its answer as it comes. */
async function run(path, method, body, key, shown) {
  const headers = { ...(body && { "Content-Type": "application/json" }), ...(key && { Authorization: `Bearer ${key}` }) };
  shown.textContent = "…";
  const response = await fetch(path, { method: method.toUpperCase(), headers, body });
  const status = `${response.status} ${response.statusText}\n\n`;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done || text.length > MOST_CHARACTERS) break;
    text += value;
    shown.textContent = status + text;
  }
  await reader.cancel();
  shown.textContent = status + pretty(text, response.headers.get("Content-Type")).slice(0, MOST_CHARACTERS);
}

function pretty(text, type) {
  try {
    return type === "application/json" ? JSON.stringify(JSON.parse(text), null, 2) : text;
  } catch {
    return text;
  }
}
