// OpenAI's client for JavaScript.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import { MODEL, QUESTION, client, evaluate, question } from './support.mjs';

const Answer = z.object({ answer: z.number().int() });
const CALCULATOR = {
  name: 'calculator',
  description: 'Evaluates an arithmetic expression.',
  parameters: {
    type: 'object',
    properties: { expression: { type: 'string', description: 'The expression, such as 12 * 7.' } },
    required: ['expression'],
  },
};

test('models', async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.deepEqual(ids, [MODEL]);
});

test('an answer', async () => {
  const answer = await client.chat.completions.create(question(QUESTION));
  assert.equal(answer.choices[0].finish_reason, 'stop');
  assert.match(answer.choices[0].message.content, /1776/);
  const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
  assert.equal(total_tokens, prompt_tokens + completion_tokens);
});

test('a stream is the same answer', async () => {
  const whole = await client.chat.completions.create(question(QUESTION));
  const options = { stream: true, stream_options: { include_usage: true } };
  let text = '';
  let usage;
  for await (const chunk of await client.chat.completions.create(question(QUESTION, options))) {
    text += chunk.choices[0]?.delta.content ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(usage.completion_tokens, whole.usage.completion_tokens);
});

test('a stream that the client puts together', async () => {
  let text = '';
  const stream = client.chat.completions.stream(question(QUESTION));
  stream.on('content', (delta) => (text += delta));
  assert.equal(await stream.finalContent(), text);
  assert.match(text, /1776/);
});

test('a tool loop', async () => {
  const called = [];
  const calculator = {
    ...CALCULATOR,
    parse: JSON.parse,
    function: ({ expression }) => {
      called.push(expression);
      return evaluate(expression);
    },
  };
  for (const stream of [false, true]) {
    const tools = [{ type: 'function', function: calculator }];
    const loop = client.chat.completions.runTools(question(QUESTION, { tools, stream }));
    assert.match(await loop.finalContent(), /1776/);
  }
  assert.deepEqual(called, ['37 * 48', '37 * 48']);
});

test('an answer is read into its form', async () => {
  const form = { response_format: zodResponseFormat(Answer, 'answer') };
  const answer = await client.chat.completions.parse(question('What is 7 * 8?', form));
  assert.deepEqual(answer.choices[0].message.parsed, { answer: 56 });
});

test('half a form is an exception', async () => {
  const form = { response_format: zodResponseFormat(Answer, 'answer'), max_completion_tokens: 3 };
  const half = client.chat.completions.parse(question('What is 7 * 8?', form));
  await assert.rejects(half, OpenAI.LengthFinishReasonError);
});

test('what is wrong is an exception', async () => {
  const ask = (options) => client.chat.completions.create(question('Hello!', options));
  await assert.rejects(ask({ model: 'other' }), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, 'model_not_found');
    return true;
  });
  await assert.rejects(ask({ temperature: 9 }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.deepEqual([error.param, error.type], ['temperature', 'invalid_request_error']);
    return true;
  });
  const late = { ignore_eos: true, max_tokens: 100_000, timeout: 0.5 };
  await assert.rejects(ask(late), OpenAI.InternalServerError);
  const stream = await ask({ ...late, stream: true });
  await assert.rejects(Array.fromAsync(stream), OpenAI.APIError);
});

test('a client may leave', async () => {
  const endless = { stream: true, ignore_eos: true, max_tokens: 100_000 };
  const stream = await client.chat.completions.create(question('Hello!', endless));
  for await (const chunk of stream) {
    assert.ok(chunk.id);
    break;
  }
  assert.ok(stream.controller.signal.aborted);
  const answer = await client.chat.completions.create(question('What is 2 + 3?'));
  assert.equal(answer.choices[0].finish_reason, 'stop');
});

test('a raw completion', async () => {
  const options = { model: MODEL, prompt: 'One two', max_tokens: 8, temperature: 0 };
  const whole = await client.completions.create(options);
  let text = '';
  for await (const chunk of await client.completions.create({ ...options, stream: true })) {
    text += chunk.choices[0].text;
  }
  assert.equal(text, whole.choices[0].text);
});
