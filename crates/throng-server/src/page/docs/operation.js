// One operation: what it takes, what it gives, and a place to try it.

import { trial } from "./trial.js";
import { inline, make, prose } from "./words.js";

/** An operation's part of the page; `key` gives the reader's API key. */
export function operation(member, schemas, key) {
  const { operationId, method, path, summary, description, parameters, requestBody } = member;
  const link = make("a", "anchor", "#");
  link.href = `#${operationId}`;
  link.setAttribute("aria-label", `Link to ${summary}`);
  const title = make("h3", "", make("span", `method ${method}`, method), make("code", "", path), link);
  const article = make("article", "", title, make("p", "summary", ...inline(summary)));
  article.id = operationId;
  article.append(...prose(description));
  for (const [place, title] of [["path", "In the path"], ["query", "In the query"]]) {
    const there = (parameters ?? []).filter((parameter) => parameter.in === place);
    if (there.length > 0) article.append(make("h4", "", title), schemas.members(asMembers(there)));
  }
  if (requestBody) {
    article.append(make("h4", "", "Body"), schemas.show(requestBody.content["application/json"].schema));
  }
  article.append(make("h4", "", "Answers"), ...answers(member.responses, schemas));
  article.append(trial(member, key));
  return article;
}

/** Parameters as if they were members of an object of a request. */
function asMembers(parameters) {
  const properties = parameters.map(({ name, description, schema }) => [name, { ...schema, description }]);
  const required = parameters.filter((parameter) => parameter.required).map(({ name }) => name);
  return { required, properties: Object.fromEntries(properties), additionalProperties: { type: "null" } };
}

function answers(responses, schemas) {
  return Object.entries(responses).map(([status, part]) => {
    const { schema: response } = schemas.resolve(part);
    const kind = status.startsWith("2") ? "good" : "bad";
    const summary = make("summary", "", make("span", `status ${kind}`, status));
    summary.append(make("span", "meaning", ...inline(response.description)));
    const details = make("details", "answer", summary);
    details.addEventListener("toggle", () => details.append(...contents(response, schemas)), { once: true });
    return details;
  });
}

function contents(response, schemas) {
  const headers = Object.entries(response.headers ?? {}).map(([name, header]) => {
    const { description } = schemas.resolve(header).schema;
    return make("p", "", make("code", "", name), ": ", ...inline(description));
  });
  const bodies = Object.entries(response.content ?? {}).flatMap(([type, { schema }]) => {
    const stream = type === "text/event-stream" ? ", each event" : "";
    return [make("p", "type", make("code", "", type), stream), ...codes(schema), schemas.show(schema)];
  });
  return [...headers, ...bodies];
}

/** The codes of errors, where the schema narrows them. */
function codes(schema) {
  const [, narrowed] = schema.allOf ?? [];
  const all = narrowed?.properties?.error?.properties?.code?.enum ?? [];
  if (all.length === 0) return [];
  const listed = all.flatMap((code, at) => [at === 0 ? " " : ", ", make("code", "", code)]);
  return [make("p", "", "With the code", ...listed)];
}
