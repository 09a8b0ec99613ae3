// JSON schemas as people read them: members of an object one below the other, named schemas folded.

import { inline, make } from "./words.js";

/** Numbers so far out say nothing to a reader. */
const FAR = 2 ** 31;
/** Bounds with what they bound: keywords for the least and the most, and a noun. */
const SIZES = [
  ["minLength", "maxLength", "characters"],
  ["minItems", "maxItems", "entries"],
  ["minProperties", "maxProperties", "members"],
];

/** Shows schemas of a document. */
export class Schemas {
  constructor(api) {
    this.api = api;
  }

  /** A schema, response or header that may be a reference, and its name if it is one. */
  resolve(part) {
    if (!part.$ref) return { name: null, schema: part };
    const path = part.$ref.slice(2).split("/");
    return { name: path.at(-1), schema: path.reduce((inner, key) => inner[key], this.api) };
  }

  /** What a schema says, in full. */
  show(part) {
    const { schema } = this.resolve(part);
    if (schema.allOf) return this.show(schema.allOf[0]);
    if (schema.properties) return this.members(schema);
    return make("div", "schema", make("p", "kind", ...this.kind(part)), ...this.inner(part));
  }

  /** The members of an object. */
  members(schema) {
    const required = schema.required ?? [];
    // An object of a request, where `null` counts as absent: no need to say it of each member.
    const absent = schema.additionalProperties?.type === "null";
    const rows = Object.entries(schema.properties).flatMap(([name, member]) => {
      const term = make("dt", "", make("code", "", name));
      // Most members of a request may be absent, most of an answer are there.
      const rare = required.includes(name) === absent;
      if (rare) term.append(make("span", "rare", absent ? "required" : "not always"));
      const shown = absent ? withoutNull(member) : member;
      const meaning = make("dd", "", make("span", "kind", ...this.kind(shown)));
      if (shown.description) meaning.append(make("p", "", ...inline(shown.description)));
      meaning.append(...this.inner(shown));
      return [term, meaning];
    });
    return make("dl", "", ...rows);
  }

  /** What is folded below a schema: the objects that it has parts of. */
  inner(part) {
    const { name, schema } = this.resolve(part);
    if (schema.properties) {
      const label = name ?? schema.description ?? "Its members";
      return [this.folded(label, () => this.members(schema))];
    }
    const parts = [...(schema.anyOf ?? []), schema.items, schema.contentSchema];
    return parts.filter(Boolean).flatMap((one) => this.inner(withoutNull(one)));
  }

  /** Made when it is opened. */
  folded(label, content) {
    const details = make("details", "inner", make("summary", "", label));
    details.addEventListener("toggle", () => details.append(content()), { once: true });
    return details;
  }

  /** A schema in a few words, with its bounds. */
  kind(part) {
    const { name, schema } = this.resolve(part);
    return [...this.words(name, schema), ...bounds(schema)];
  }

  words(name, schema) {
    if (schema.const !== undefined) return [value(schema.const)];
    if (schema.enum) return listed(schema.enum.map((one) => [value(one)]));
    if (schema.anyOf && !schema.properties) {
      return listed(schema.anyOf.map((one) => this.kind(one)));
    }
    if (schema.contentMediaType) return [`${schema.contentMediaType}, as text`];
    const kinds = [schema.type ?? "anything"].flat();
    return listed(
      kinds.map((kind) => {
        if (kind === "array") return ["list of ", ...this.kind(schema.items ?? {})];
        return [kind === "object" && name ? name : kind];
      }),
    );
  }
}

function value(json) {
  return make("code", "", JSON.stringify(json));
}

/** A member without the `null` that all members of a request may be. */
function withoutNull(schema) {
  const others = (values) => values.filter((value) => value !== null && value?.type !== "null");
  if (Array.isArray(schema.type)) {
    const [kind, ...more] = others(schema.type.filter((type) => type !== "null"));
    return { ...schema, type: more.length === 0 ? kind : [kind, ...more] };
  }
  if (schema.enum) return { ...schema, enum: others(schema.enum) };
  if (!schema.anyOf) return schema;
  const rest = others(schema.anyOf);
  return rest.length === 1 ? { ...rest[0], ...described(schema) } : { ...schema, anyOf: rest };
}

function described({ description }) {
  return description === undefined ? {} : { description };
}

/** Alternatives with words between them. */
function listed(alternatives) {
  return alternatives.flatMap((words, at) => (at === 0 ? words : [" or ", ...words]));
}

/** What bounds a value, and what it is where nothing is said. */
function bounds(schema) {
  const words = [];
  const low = schema.minimum ?? schema.exclusiveMinimum;
  const near = (number) => number !== undefined && Math.abs(number) < FAR;
  if (near(low) && near(schema.maximum)) words.push(`${low} to ${schema.maximum}`);
  else if (near(low)) words.push(`${low} or more`);
  if (schema.exclusiveMinimum !== undefined) words.push(`not ${schema.exclusiveMinimum}`);
  for (const [least, most, noun] of SIZES) {
    if (schema[most] !== undefined) words.push(`${schema[least] ?? 0} to ${schema[most]} ${noun}`);
    else if (schema[least] !== undefined) words.push(`at least ${schema[least]} ${noun}`);
  }
  const nodes = words.map((text) => `, ${text}`);
  if (schema.default !== undefined) {
    nodes.push(", usually ", value(schema.default));
  }
  return nodes;
}
