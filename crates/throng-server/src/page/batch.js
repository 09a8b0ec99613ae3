// A picture of the batch: who is being served now, how fast, and how full the cache is.

import { metrics } from "./api.js";
import { Counts } from "./counts.js";
import { find, part } from "./dom.js";
import { plural, rate } from "./figures.js";

/** How often the server is asked: more often while it answers this page. */
const BUSY_MS = 500;
const IDLE_MS = 1500;
/** Dots at most; more are a number. */
const MAX_DOTS = 96;
/** Shades that tell tenants apart. */
const SHADES = 4;
/** Points of the line, as wide as its box. */
const POINTS = 60;
const HEIGHT = 24;

export class Batch {
  #mine;
  #ready;
  #last = null;
  #next = null;
  #speeds = Array(POINTS).fill(0);

  /** `mine()`: how many answers this page waits for; `ready()`: whether there is a model. */
  constructor({ mine, ready }) {
    this.#mine = mine;
    this.#ready = ready;
    document.addEventListener("visibilitychange", () => {
      // What happened meanwhile would be drawn as if it had happened at once.
      this.#last = null;
      this.look();
    });
    this.look();
  }

  /** Asks now, and again in a while. */
  async look() {
    clearTimeout(this.#next);
    const element = find("batch");
    const looked = !document.hidden && document.body.classList.contains("with-sidebar");
    if (looked && this.#ready()) {
      try {
        const counts = new Counts(await metrics(), performance.now());
        this.#draw(counts);
        element.hidden = false;
      } catch {
        // The server is gone: there is nothing to show.
        element.hidden = true;
        this.#last = null;
      }
    }
    // Two who looked at once shall not both go on.
    clearTimeout(this.#next);
    this.#next = setTimeout(() => this.look(), this.#mine() > 0 ? BUSY_MS : IDLE_MS);
  }

  #draw(counts) {
    const running = counts.sum("num_requests_running");
    const waiting = counts.sum("num_requests_waiting");
    const mine = Math.min(this.#mine(), running + waiting);
    find("who").textContent = who(mine, running + waiting - mine, waiting);
    this.#drawCrowd(counts, running, waiting, mine);
    this.#drawPace(counts, this.#last);
    this.#drawPool(counts);
    this.#last = counts;
  }

  /** A dot for each answer: first this page's, then the others by tenant, then those that wait. */
  #drawCrowd(counts, running, waiting, mine) {
    const tenants = counts.all("tenant_requests_running").map(({ value }) => value);
    const shades = tenants.flatMap((count, at) => Array(count).fill(`shade-${at % SHADES}`));
    const dot = (at) => {
      if (at >= running) return "waits";
      return at < mine ? "mine" : (shades[at] ?? "shade-0");
    };
    const shown = Math.min(running + waiting, MAX_DOTS);
    const crowd = find("crowd");
    const kinds = Array.from({ length: shown }, (_, at) => dot(at));
    while (crowd.childElementCount > kinds.length) crowd.lastChild.remove();
    while (crowd.childElementCount < kinds.length) crowd.append(part("span"));
    kinds.forEach((kind, at) => (crowd.children[at].className = kind));
    crowd.dataset.more = running + waiting > shown ? `+${running + waiting - shown}` : "";
    const words = `${plural(running, "answer")} in the batch, ${waiting} waiting`;
    crowd.setAttribute("aria-label", words);
  }

  #drawPace(counts, earlier) {
    // Of one look alone nobody can tell how fast it goes.
    const each = (name) =>
      earlier ? (counts.since(earlier, name) * 1000) / (counts.at - earlier.at) : 0;
    const written = each("generation_tokens_total");
    const steps = counts.since(earlier, "step_rows_count");
    const rows = counts.since(earlier, "step_rows_sum");
    this.#speeds = [...this.#speeds.slice(1), written];
    const sums = [
      ["Written", `${rate(written)} tokens/s`],
      ["Prompts read", `${rate(each("prompt_tokens_total"))} tokens/s`],
      // What batching is for: one read of the weights serves so many.
      ["Answers a step", earlier && steps > 0 ? (rows / steps).toFixed(1) : "–"],
    ];
    find("sums").replaceChildren(
      ...sums.flatMap(([name, value]) => [part("dt", "", name), part("dd", "", value)]),
    );
    const most = Math.max(...this.#speeds, 1);
    const height = (speed) => (HEIGHT - 1 - (speed / most) * (HEIGHT - 3)).toFixed(1);
    const points = this.#speeds.map((speed, at) => `${at},${height(speed)}`);
    find("pace-line").setAttribute("points", points.join(" "));
    const corners = [`0,${HEIGHT}`, ...points, `${POINTS - 1},${HEIGHT}`];
    find("pace-area").setAttribute("points", corners.join(" "));
  }

  #drawPool(counts) {
    const share = (pool, state) => {
      const all = counts.sum("kv_cache_blocks", { pool });
      return all > 0 ? counts.sum("kv_cache_blocks", { pool, state }) / all : 0;
    };
    const fuller = share("full", "used") >= share("window", "used") ? "full" : "window";
    const [used, cached] = [share(fuller, "used"), share(fuller, "cached")];
    const pool = find("pool");
    pool.children[0].style.width = `${used * 100}%`;
    pool.children[1].style.width = `${cached * 100}%`;
    const words = `KV cache: ${percent(used)} in use, ${percent(cached)} kept of earlier prompts`;
    pool.setAttribute("aria-label", words);
    find("pool-words").textContent = words;
  }
}

function percent(share) {
  if (share > 0 && share < 0.01) return "under 1 %";
  return `${Math.round(share * 100)} %`;
}

function who(mine, others, waiting) {
  const queue = waiting > 0 ? `, ${waiting} waiting` : "";
  if (mine + others === 0) return "Nobody at the moment";
  if (mine === 0) return `${plural(others, "answer")} for others${queue}`;
  const you = mine === 1 ? "You" : `You, ${mine} times`;
  if (others === 0) return `${you}${mine === 1 ? " alone" : ""}${queue}`;
  return `${you} and ${plural(others, "other")}${queue}`;
}
