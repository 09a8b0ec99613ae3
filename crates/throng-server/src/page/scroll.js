// Keeps the conversation's end in sight for as long as the reader keeps it there.

/** How near to its end the conversation must be scrolled to be followed. */
const FOLLOW_PX = 80;

export class Scroll {
  #scroller;
  #down;
  #follows = true;

  /** `down` is the button that leads to the end. */
  constructor(scroller, content, down) {
    this.#scroller = scroller;
    this.#down = down;
    scroller.addEventListener("scroll", () => this.#look(), { passive: true });
    down.addEventListener("click", () => this.toEnd());
    const grown = new ResizeObserver(() => {
      if (this.#follows) this.toEnd();
      else this.#look();
    });
    grown.observe(content);
    grown.observe(scroller);
  }

  /** Goes to the end, and follows it from there. */
  toEnd() {
    this.#follows = true;
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#down.hidden = true;
  }

  #look() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    this.#follows = scrollHeight - scrollTop - clientHeight < FOLLOW_PX;
    this.#down.hidden = this.#follows;
  }
}
