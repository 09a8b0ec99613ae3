// The server's counts, out of Prometheus's text format.

const PREFIX = "throng:";
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

export class Counts {
  #samples = new Map();

  /** Of a text; `at` is when it was asked for, in milliseconds. */
  constructor(text, at) {
    this.at = at;
    for (const line of text.split("\n")) {
      if (line.startsWith("#") || line.includes("_bucket{")) continue;
      const [, name, labels = "", value] = SAMPLE.exec(line) ?? [];
      if (!name?.startsWith(PREFIX)) continue;
      const named = Array.from(labels.matchAll(LABEL), ([, label, text]) => [label, text]);
      const known = this.all(name.slice(PREFIX.length));
      known.push({ labels: Object.fromEntries(named), value: Number(value) });
      this.#samples.set(name.slice(PREFIX.length), known);
    }
  }

  /** The sum of a name's samples that have these labels. */
  sum(name, wanted = {}) {
    const labels = Object.entries(wanted);
    const has = (sample) => labels.every(([label, text]) => sample.labels[label] === text);
    return this.all(name).filter(has).reduce((sum, { value }) => sum + value, 0);
  }

  /** All samples of a name. */
  all(name) {
    return this.#samples.get(name) ?? [];
  }

  /** By how much a counter has grown since earlier counts; a server that began anew began at 0. */
  since(earlier, name) {
    return Math.max(0, this.sum(name) - (earlier?.sum(name) ?? 0));
  }
}
