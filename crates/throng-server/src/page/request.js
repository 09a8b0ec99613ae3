// What a conversation asks the model: its messages, and what its settings say besides.

/** What a chat with other settings may look like. */
export const CALCULATOR = [
  {
    name: "calculator",
    description: "Evaluates an arithmetic expression.",
    parameters: {
      type: "object",
      properties: {
        expression: { type: "string", description: "The expression, such as 12 * 7." },
      },
      required: ["expression"],
    },
  },
];
export const ANSWER_SCHEMA = {
  type: "object",
  properties: { answer: { type: "integer" } },
  required: ["answer"],
  additionalProperties: false,
};

/** The body of a request for the next turn. */
export function request(model, conversation) {
  const { effort, instructions, functions, schema } = conversation.settings;
  const messages = conversation.messages();
  if (instructions.trim()) messages.unshift({ role: "system", content: instructions.trim() });
  return {
    model: model.id,
    messages,
    reasoning_effort: model.reasoning_efforts?.includes(effort) ? effort : undefined,
    tools: parseFunctions(functions),
    response_format: parseSchema(schema),
  };
}

/**
 * The functions that a text describes, as the API has them: those, or the functions alone.
 * Throws what is wrong with the text.
 */
export function parseFunctions(text) {
  if (!text.trim()) return undefined;
  const listed = JSON.parse(text);
  const tools = (Array.isArray(listed) ? listed : [listed]).map((tool) =>
    tool?.function ? tool : { type: "function", function: tool },
  );
  if (tools.some((tool) => typeof tool.function?.name !== "string")) {
    throw new Error("Each function needs a name.");
  }
  return tools.length > 0 ? tools : undefined;
}

/** The form that a text's JSON schema describes. Throws what is wrong with the text. */
export function parseSchema(text) {
  if (!text.trim()) return undefined;
  const schema = JSON.parse(text);
  if (schema === null || typeof schema !== "object" || Array.isArray(schema)) {
    throw new Error("A JSON schema is an object.");
  }
  return { type: "json_schema", json_schema: { name: "answer", schema } };
}
