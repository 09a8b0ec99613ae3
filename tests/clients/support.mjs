// What the tests in Node.js share: a client of the server at THRONG_URL, and a calculator.

import OpenAI from 'openai';

export const MODEL = 'nano';
export const QUESTION = 'What is 37 * 48?';

// OpenAI's client, without the patience that hides failures.
export const client = new OpenAI({
  baseURL: `${process.env.THRONG_URL}/v1`,
  apiKey: 'none',
  maxRetries: 0,
  timeout: 120_000,
});

// The request for an answer, most probable token by token.
export function question(text, options = {}) {
  const messages = [{ role: 'user', content: text }];
  return { model: MODEL, messages, temperature: 0, reasoning_effort: 'high', ...options };
}

// The product or sum of two whole numbers.
export function evaluate(expression) {
  const [, a, operator, b] = /^(\d+) ([+*]) (\d+)$/.exec(expression) ?? [];
  if (operator === undefined) return 'error: this is no arithmetic';
  return String(operator === '+' ? Number(a) + Number(b) : Number(a) * Number(b));
}
