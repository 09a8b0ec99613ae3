// A conversation: turns that form a tree, since a question may be edited and an answer tried again,
// and the way through it that is shown.

/** A title's length at most; a longer question is cut there. */
const TITLE_CHARACTERS = 60;
/** What a turn says, by role. */
const TURNS = {
  __proto__: null,
  user: { text: isText },
  assistant: {
    text: isText,
    reasoning: isText,
    calls: listOf({ id: isText, name: isText, arguments: isText }),
    figures: (value) => value !== null && typeof value === "object",
  },
  results: { results: listOf({ id: isText, text: isText }) },
};
const SETTINGS = { effort: isText, instructions: isText, functions: isText, schema: isText };

export class Conversation {
  /** An empty one, with the settings of the one before. */
  constructor(settings = {}) {
    this.id = Array.from(crypto.getRandomValues(new Uint32Array(2)), base36).join("");
    this.title = "";
    this.updated = Date.now();
    this.settings = { effort: "medium", instructions: "", functions: "", schema: "", ...settings };
    this.turns = [];
    this.tip = -1;
  }

  /** The one that was kept as this text; `null` if it is none. */
  static read(text) {
    let kept;
    try {
      kept = JSON.parse(text);
    } catch {
      return null;
    }
    const { id, title, updated, settings, turns, tip } = kept ?? {};
    const sound = (turn, index) => has(turn, TURNS[turn?.role]) && isIndex(turn.parent, index);
    const whole =
      isText(id) && isText(title) && Number.isFinite(updated) && has(settings, SETTINGS) &&
      Array.isArray(turns) && turns.every(sound) && isIndex(tip, turns.length);
    if (!whole) return null;
    return Object.assign(new Conversation(settings), { id, title, updated, turns, tip });
  }

  /** As text, to be kept. */
  write() {
    const { id, title, updated, settings, turns, tip } = this;
    return JSON.stringify({ id, title, updated, settings, turns, tip });
  }

  /** Goes on with a turn, and returns its index. */
  add(turn) {
    this.turns.push({ ...turn, parent: this.tip });
    this.tip = this.turns.length - 1;
    this.updated = Date.now();
    if (!this.title && turn.role === "user") {
      this.title = turn.text.replace(/\s+/g, " ").slice(0, TITLE_CHARACTERS);
    }
    return this.tip;
  }

  /** Goes back to before a turn, so that the next one stands beside it. */
  branch(index) {
    this.tip = this.turns[index].parent;
  }

  /** Shows this turn, and what came last behind it. */
  choose(index) {
    for (let next = index; next >= 0; ) {
      this.tip = next;
      next = this.turns.findLastIndex((turn) => turn.parent === this.tip);
    }
  }

  /** Indices of the turns that are shown. */
  path() {
    const path = [];
    for (let at = this.tip; at >= 0; at = this.turns[at].parent) path.push(at);
    return path.reverse();
  }

  /** Indices of the turns that stand at the same place, this one among them. */
  siblings(index) {
    const { parent } = this.turns[index];
    return this.turns.flatMap((turn, at) => (turn.parent === parent ? [at] : []));
  }

  /** Indices of the shown turns that the model is told: a question that was stopped before its
   * answer, or a call without its results, would be no conversation that a model knows. */
  told() {
    const path = this.path();
    const turn = (place) => this.turns[path[place]];
    const answers = (place) => {
      const { role, text, calls } = turn(place) ?? {};
      const gets = place === path.length - 1 || turn(place + 1)?.role === "results";
      return role === "assistant" && (text !== "" || (calls.length > 0 && gets));
    };
    return path.filter((_, place) => {
      if (turn(place).role === "user") return place === path.length - 1 || answers(place + 1);
      return turn(place).role === "results" || answers(place);
    });
  }

  /** What the model is told, as the API has it. */
  messages() {
    const told = this.told().map((index) => this.turns[index]);
    return told.flatMap((turn, place) => {
      if (turn.role === "user") return [{ role: "user", content: turn.text }];
      if (turn.role === "results") {
        return turn.results.map(result);
      }
      const message = { role: "assistant", content: turn.text };
      if (turn.calls.length === 0 || told[place + 1]?.role !== "results") return [message];
      const calls = turn.calls.map(({ id, name, arguments: text }) => ({
        id, type: "function", function: { name, arguments: text },
      }));
      // Between calls and their results, a model reads its own thoughts.
      return [{ ...message, reasoning: turn.reasoning || undefined, tool_calls: calls }];
    });
  }
}

const base36 = (number) => number.toString(36);

function result({ id, text }) {
  return { role: "tool", tool_call_id: id, content: text };
}

function isText(value) {
  return typeof value === "string";
}

/** Whether it is one of so many indices, or -1 for none. */
function isIndex(value, count) {
  return Number.isInteger(value) && value >= -1 && value < count;
}

/** Whether a value has these members. */
function has(value, members) {
  if (!value || !members) return false;
  return Object.entries(members).every(([name, is]) => is(value[name]));
}

function listOf(members) {
  return (value) => Array.isArray(value) && value.every((one) => has(one, members));
}
