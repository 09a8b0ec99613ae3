// What the model has said so far, and how fast.

export class Reply {
  #said = { role: "assistant", text: "", reasoning: "", calls: [], end: null };
  #asked = performance.now();
  #first = null;
  #last = null;
  #thoughtUntil = null;
  #pieces = 0;
  #reasoningPieces = 0;
  #usage = null;

  /** Takes in one chunk of the API's answer. */
  add(chunk) {
    if (chunk.usage) this.#usage = chunk.usage;
    const choice = chunk.choices[0] ?? {};
    if (choice.finish_reason) this.#said.end = choice.finish_reason;
    const { reasoning, content, tool_calls: calls } = choice.delta ?? {};
    if (!reasoning && !content && !calls) return;
    this.#last = performance.now();
    this.#first ??= this.#last;
    this.#pieces += 1;
    if (reasoning) {
      this.#said.reasoning += reasoning;
      this.#reasoningPieces += 1;
    } else {
      this.#thoughtUntil ??= this.#last;
    }
    this.#said.text += content ?? "";
    for (const call of calls ?? []) this.#addCall(call);
  }

  #addCall({ index, id, function: { name, arguments: text } }) {
    const calls = this.#said.calls;
    calls[index] ??= { id: "", name: "", arguments: "" };
    calls[index].id ||= id ?? "";
    calls[index].name ||= name ?? "";
    calls[index].arguments += text ?? "";
  }

  /** The reader wants no more of it. */
  stop() {
    this.#said.end = "stopped";
  }

  /** Whether nothing was said. */
  get empty() {
    const { text, reasoning, calls } = this.#said;
    return !text && !reasoning && calls.length === 0;
  }

  /** The turn that it is so far. Until the server tells, a piece counts as a token. */
  turn() {
    const usage = this.#usage;
    const figures = {
      tokens: usage?.completion_tokens ?? this.#pieces,
      reasoningTokens: usage?.completion_tokens_details?.reasoning_tokens ?? this.#reasoningPieces,
      promptTokens: usage?.prompt_tokens ?? null,
      cachedTokens: usage?.prompt_tokens_details?.cached_tokens ?? null,
      firstMs: this.#first === null ? null : this.#first - this.#asked,
      writeMs: this.#last - this.#first,
      thoughtMs: (this.#thoughtUntil ?? this.#last) - this.#asked,
    };
    return { ...this.#said, thinks: this.#thoughtUntil === null, figures };
  }
}
