// A conversation on the page.

import { Answer } from "./answer.js";
import { invite } from "./dom.js";
import { Question } from "./question.js";
import { askedResults, givenResults } from "./results.js";

/** What is said of a question whose answer never came. */
const UNANSWERED = "This question has no answer yet.";
const UNTOLD = "The model is not told this: it was never answered";

export class Transcript {
  #log;
  #actions;
  /** What is shown of each turn, by index. */
  #shown = new Map();
  #lastQuestion = null;
  /** What stands below the last turn: an answer that is being written, a failure or a form. */
  #pending = null;

  /** `actions`: `choose`, `edit`, `retry`, `give` and `again`. */
  constructor(log, actions) {
    this.#log = log;
    this.#actions = actions;
  }

  /** Shows the whole conversation; `run` is the answer that is being written, if there is one. */
  show(conversation, run = null) {
    this.#lastQuestion = null;
    this.#shown.clear();
    this.#log.replaceChildren();
    for (const index of conversation.path()) this.#append(conversation, index);
    this.#mark(conversation);
    const last = conversation.turns[conversation.tip];
    if (run) this.follow(run);
    else if (last?.role === "user" || last?.role === "results") this.fail(UNANSWERED);
    else if (last?.calls.length > 0) this.#ask(last.calls);
  }

  /** Shows a turn that has just been added by the reader. */
  add(conversation) {
    this.#wait(null);
    this.#append(conversation, conversation.tip);
    this.#mark(conversation);
  }

  /** Shows an answer while it is written. */
  follow(run) {
    const answer = new Answer();
    this.#wait(answer.element);
    run.view = answer;
    run.changed = () => {
      if (run.view === answer) answer.draw(run.reply.turn());
    };
    run.changed();
  }

  /** The answer that was followed is complete, and has become the conversation's last turn. */
  settle(conversation, run) {
    const index = conversation.tip;
    const turn = conversation.turns[index];
    this.#pending = null;
    this.#shown.set(index, run.view.element);
    run.view.end(turn, { siblings: conversation.siblings(index), index, ...this.#actions });
    run.view = null;
    this.#mark(conversation);
    if (turn.calls.length > 0 && turn.end === "tool_calls") this.#ask(turn.calls);
  }

  /** Says why the last question has no answer. */
  fail(message) {
    const answer = new Answer();
    answer.fail(message, this.#actions.again);
    this.#wait(answer.element);
  }

  /** Lets the reader edit the last question; says whether there is one. */
  editLast() {
    this.#lastQuestion?.edit();
    return this.#lastQuestion !== null;
  }

  #append(conversation, index) {
    const turn = conversation.turns[index];
    const siblings = conversation.siblings(index);
    let element;
    if (turn.role === "user") {
      this.#lastQuestion = new Question(turn.text, siblings, index, this.#actions);
      element = this.#lastQuestion.element;
    } else if (turn.role === "results") {
      element = givenResults(conversation.turns[turn.parent]?.calls ?? [], turn.results);
    } else {
      const answer = new Answer();
      answer.end(turn, { siblings, index, ...this.#actions });
      element = answer.element;
    }
    this.#shown.set(index, element);
    this.#log.append(element);
  }

  /** Marks what the model will not be told. */
  #mark(conversation) {
    const told = new Set(conversation.told());
    for (const [index, element] of this.#shown) {
      element.classList.toggle("untold", !told.has(index));
      element.title = told.has(index) ? "" : UNTOLD;
    }
  }

  #ask(calls) {
    const form = askedResults(calls, this.#actions.give);
    this.#wait(form);
    invite(form.querySelector("textarea"));
  }

  #wait(element) {
    this.#pending?.remove();
    this.#pending = element;
    if (element) this.#log.append(element);
  }
}
