"use strict";
// Speaks to the API that this page belongs to.

/** A problem (RFC 9457) that the API answered with. */
class ProblemError extends Error {
  constructor(problem) {
    super(problem.detail ?? problem.title);
    this.problem = problem;
  }
}

const api = {
  // The page is a function beside the others, with the same prefix; elsewhere a meta element has the address.
  base: new URL(document.querySelector("meta[name=functions]").content || location.pathname.replace(/[^/]*\/?$/, ""), location.origin),

  // Never stored: the key is gone when the user leaves the page.
  key: "",

  /** Called when the host asks for a key. */
  onKeyNeeded() {},

  url(path) {
    return new URL(path, this.base).href;
  },

  async send(path, { method = "GET", body, headers = {}, signal } = {}) {
    const response = await fetch(this.url(path), {
      method,
      body,
      signal,
      headers: {
        ...headers,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...(this.key ? { "x-functions-key": this.key } : {}),
      },
    });
    if (response.status === 401) this.onKeyNeeded();
    if (!response.ok) throw new ProblemError(await problemOf(response));
    return response;
  },
};

async function problemOf(response) {
  const text = await response.text();
  try {
    const problem = JSON.parse(text);
    if (problem.title) return problem;
  } catch {
    // A proxy, or the platform itself, answers in its own words.
  }
  return { title: response.statusText || "The request failed", status: response.status, detail: text.slice(0, 500) };
}

/** Yields the lines of a body in batches, as they arrive: a batch has the lines of one read. */
async function* linesOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    if (lines.length) yield lines;
  }
  if (rest) yield [rest];
}

/** Yields server-sent events. EventSource cannot send a key, so the stream is read here. */
async function* eventsOf(response) {
  let event = { data: "" };
  for await (const lines of linesOf(response)) {
    for (const line of lines) {
      if (line === "") {
        if (event.data) yield event;
        event = { data: "" };
      } else if (!line.startsWith(":")) {
        const colon = line.indexOf(":");
        event[line.slice(0, colon)] = line.slice(colon + 1).replace(/^ /, "");
      }
    }
  }
}
