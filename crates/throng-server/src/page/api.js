// The server's API: the served model, answers as they are written, and the server's counts.

let key = "";

/** Asks with this key from now on; with none if it is empty. */
export function useKey(text) {
  key = text;
}

/** What the server says of the model that it serves. */
export async function servedModel() {
  const { data } = await (await get("/v1/models")).json();
  return data[0];
}

/** The server's counts, in Prometheus's text format. */
export async function metrics() {
  return (await get("/metrics")).text();
}

/** Asks for an answer and yields its chunks, each as parsed JSON. Aborting the signal ends it. */
export async function* chat(request, signal) {
  const response = await fetch("/v1/chat/completions", {
    method: "POST",
    headers: headers({ "Content-Type": "application/json" }),
    body: JSON.stringify({ ...request, stream: true, stream_options: { include_usage: true } }),
    signal,
  });
  if (!response.ok) throw await complaint(response);
  for await (const data of events(response.body)) {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data);
    if (chunk.error) throw new Error(chunk.error.message);
    yield chunk;
  }
  throw new Error("The connection ended before the answer did.");
}

async function get(path) {
  const response = await fetch(path, { headers: headers() });
  if (!response.ok) throw await complaint(response);
  return response;
}

function headers(others = {}) {
  return key ? { ...others, Authorization: `Bearer ${key}` } : others;
}

/** An error that says what the server says, and with which status. */
async function complaint(response) {
  let message = `The server answered ${response.status} ${response.statusText}.`;
  try {
    message = (await response.json()).error.message;
  } catch {
    // What is no answer of ours has its status alone.
  }
  return Object.assign(new Error(message), { status: response.status });
}

/** The data of server-sent events. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    pending += value;
    const parts = pending.split("\n\n");
    pending = parts.pop();
    for (const part of parts) {
      const lines = part.split("\n").filter((line) => line.startsWith("data:"));
      if (lines.length > 0) yield lines.map((line) => line.slice(5).trimStart()).join("\n");
    }
  }
}
