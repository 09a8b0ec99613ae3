// Figures as words.

/** A duration, in milliseconds below a second. */
export const duration = (ms) =>
  ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;

/** So many of something. */
export const plural = (count, noun) =>
  `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

/** Something each second, with a decimal where that says something. */
export const rate = (each) =>
  each > 0 && each < 100 ? each.toFixed(1) : Math.round(each).toLocaleString("en");

/** What took less came in one piece, and says nothing of how fast it was written. */
const MEASURABLE_MS = 20;

/** The speed of an answer, or nothing where there is none to tell. */
export function speed({ tokens, writeMs }) {
  if (!(tokens > 1 && writeMs >= MEASURABLE_MS)) return null;
  return `${rate(((tokens - 1) * 1000) / writeMs)} tokens/s`;
}
