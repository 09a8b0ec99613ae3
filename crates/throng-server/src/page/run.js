// One answer that is being written, whether anybody looks or not.

import { chat } from "./api.js";
import { Reply } from "./reply.js";

export class Run {
  #controller = new AbortController();
  #drawn = true;

  /**
   * Asks for what `body()` gives; `this.changed` is called at most once a frame, and `this.done`
   * holds at the end.
   */
  constructor(body) {
    this.reply = new Reply();
    this.error = null;
    this.changed = () => {};
    this.done = this.#follow(body);
  }

  /** Ends it where it is. */
  stop() {
    this.#controller.abort();
  }

  async #follow(body) {
    const { signal } = this.#controller;
    try {
      for await (const chunk of chat(await body(), signal)) {
        this.reply.add(chunk);
        this.#draw();
      }
    } catch (error) {
      if (signal.aborted) this.reply.stop();
      else this.error = error;
    }
  }

  #draw() {
    if (!this.#drawn) return;
    this.#drawn = false;
    requestAnimationFrame(() => {
      this.#drawn = true;
      this.changed();
    });
  }
}
