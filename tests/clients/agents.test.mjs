// OpenAI's library for agents, which runs a model and its tools until there is an answer.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  Agent,
  run,
  setDefaultOpenAIClient,
  setOpenAIAPI,
  setTracingDisabled,
  tool,
} from '@openai/agents';
import { z } from 'zod';

import { MODEL, QUESTION, client, evaluate } from './support.mjs';

// The endpoints that it may speak to, by its names for them.
const APIS = ['chat_completions', 'responses'];

setTracingDisabled(true);
setDefaultOpenAIClient(client);

const called = [];
const calculator = tool({
  name: 'calculator',
  description: 'Evaluates an arithmetic expression.',
  parameters: z.object({ expression: z.string().describe('The expression, such as 12 * 7.') }),
  execute: ({ expression }) => {
    called.push(expression);
    return evaluate(expression);
  },
});
const settings = { name: 'nano', model: MODEL, modelSettings: { temperature: 0 } };

for (const api of APIS) {
  const agent = (options) => {
    setOpenAIAPI(api);
    called.length = 0;
    return new Agent({ ...settings, ...options });
  };

  test(`${api}: a tool loop`, async () => {
    const instructions = 'Use the calculator for arithmetic.';
    const result = await run(agent({ instructions, tools: [calculator] }), QUESTION);
    assert.match(result.finalOutput, /1776/);
    assert.deepEqual(called, ['37 * 48']);
  });

  test(`${api}: a streamed tool loop`, async () => {
    const stream = await run(agent({ tools: [calculator] }), QUESTION, { stream: true });
    let text = '';
    for await (const event of stream) {
      if (event.type !== 'raw_model_stream_event') continue;
      if (event.data.type === 'output_text_delta') text += event.data.delta;
    }
    await stream.completed;
    assert.equal(text, stream.finalOutput);
    assert.match(text, /1776/);
    assert.deepEqual(called, ['37 * 48']);
  });

  test(`${api}: an answer in a form`, async () => {
    const outputType = z.object({ answer: z.number().int() });
    const result = await run(agent({ outputType }), 'What is 12 + 30?');
    assert.equal(Number.isInteger(result.finalOutput.answer), true);
  });

  test(`${api}: a conversation goes on`, async () => {
    const nano = agent({});
    const first = await run(nano, 'What is 5 + 6?');
    assert.match(first.finalOutput, /11/);
    const second = await run(nano, [...first.history, { role: 'user', content: 'What is 9 - 2?' }]);
    assert.match(second.finalOutput, /7/);
  });
}

test('responses: a tool loop in a conversation that the server keeps', async () => {
  setOpenAIAPI('responses');
  called.length = 0;
  // Of a run's first turn; then it may answer.
  const modelSettings = { ...settings.modelSettings, toolChoice: 'required' };
  const nano = new Agent({ ...settings, modelSettings, tools: [calculator] });
  const first = await run(nano, 'What is 21 * 13?');
  assert.match(first.finalOutput, /273/);
  const options = { previousResponseId: first.lastResponseId };
  const second = await run(nano, QUESTION, options);
  assert.match(second.finalOutput, /1776/);
  assert.deepEqual(called, ['21 * 13', '37 * 48']);
  assert.notEqual(second.lastResponseId, first.lastResponseId);
  const alone = await run(nano, QUESTION);
  const inputTokens = (result) => result.rawResponses[0].usage.inputTokens;
  assert.ok(inputTokens(second) > inputTokens(alone), 'the first turn is a part of the prompt');
});
