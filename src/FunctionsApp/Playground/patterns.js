"use strict";
// The examples of each pattern, and how its response becomes bars.

const NDJSON = { Accept: "application/x-ndjson" };

/** The same work for sequence and for gather, so that they can be compared: six waits and a computation. */
const SEVEN = [
  ["weather", 0.9], ["traffic", 0.4], ["news", 0.7], ["mail", 0.25], ["stocks", 0.55], ["calendar", 0.35],
].map(([result, seconds]) => ({ operation: "delay", input: { seconds, result } })).concat({ operation: "primes.count", input: { from: 0, to: 100_000_000 } });

const withIds = (calls) => calls.map(({ operation, input: { result, ...input } }) => ({ id: result ?? "primes", operation, input }));

const nameOf = (call, index) => call?.id ?? (typeof call?.input?.result === "string" ? call.input.result : `${index + 1} ${call?.operation ?? ""}`);

const query = (timeout) => (timeout ? `?timeoutSeconds=${encodeURIComponent(timeout)}` : "");

const plural = (succeeded, failed, cancelled) =>
  [`${succeeded} succeeded`, failed && `${failed} failed`, cancelled && `${cancelled} cancelled`].filter(Boolean).join(", ");

/** Reads an NDJSON response: shows each line, and passes it on. Returns the last object; throws its problem. */
async function readLines(response, answer, onLine) {
  let last;
  for await (const lines of linesOf(response)) {
    answer.append(lines);
    for (const line of lines) {
      // Every line has a number of bytes that is spent on it; only those that are drawn are parsed.
      const kind = /^\{"(\w+)"/.exec(line)?.[1];
      if (kind === "error") throw new ProblemError(JSON.parse(line).error);
      if (kind === "summary" || kind === "end") last = JSON.parse(line)[kind];
      else onLine(line, kind);
    }
  }
  if (!last) throw new ProblemError({ title: "The response was cut off", detail: "Its last line did not arrive." });
  return last;
}

const outcomeOf = (error) => (error.name === "AbortError" ? "cancelled" : "failed");

const patterns = [
  {
    name: "await",
    title: "Await one operation",
    what: "await f(x). With a timeout it is asyncio.wait_for.",
    kinds: ["io", "cpu"],
    hasTimeout: true,
    path: (operation) => `await/${operation}`,
    presets: [
      { name: "Wait a second", operation: "delay", body: { seconds: 1, result: "done" } },
      { name: "Count primes", operation: "primes.count", body: { from: 0, to: 60_000_000 } },
      { name: "Timeout", operation: "delay", body: { seconds: 5 }, timeout: 1 },
      { name: "Request with two errors", operation: "delay", body: { seconds: "one", retries: 3 } },
    ],
    curl: ({ operation, timeout }) => ({ path: `await/${operation}${query(timeout)}` }),
    python: (program, { operation, request, timeout }) => python.await(program, operation, request, timeout),
    async run({ operation, timeout, text, timeline, answer, signal }) {
      const bar = { row: 0, from: 0, name: operation };
      timeline.row(0, operation);
      timeline.set(operation, { ...bar, outcome: "running" });
      try {
        const response = await api.send(`await/${operation}${query(timeout)}`, { method: "POST", body: text, signal });
        const body = await response.text();
        const { elapsedMs } = JSON.parse(body);
        timeline.set(operation, { outcome: "succeeded", to: elapsedMs });
        answer.json(body);
        return `Done in ${formatMs(elapsedMs)}.`;
      } catch (error) {
        timeline.set(operation, { outcome: outcomeOf(error), to: timeline.now });
        throw error;
      }
    },
  },
  {
    name: "sequence",
    title: "One after the other",
    what: "await a(); await b(). Each step starts when the step before it has ended, and can use its result. Each bar starts where the bar before it ends.",
    kinds: ["io", "cpu"],
    list: "steps",
    path: () => "sequence",
    presets: [
      { name: "Six waits, a computation", body: { steps: SEVEN } },
      {
        name: "Each step uses the one before",
        body: {
          steps: [
            { operation: "primes.factor", input: { n: 6_983_776_800 } },
            { operation: "stats.describe", input: { values: { $ref: "#/results/0" } } },
            { operation: "delay", input: { seconds: 0.4, result: { $ref: "#/results/1/median" } } },
            { operation: "text.format", input: { template: "The median factor is {it}.", values: { it: { $ref: "#/results/2" } } } },
          ],
        },
      },
      {
        name: "A step that fails",
        body: { steps: [{ operation: "delay", input: { seconds: 0.5, result: "kept" } }, { operation: "fail", input: { message: "out of paper", afterSeconds: 0.3 } }, { operation: "echo", input: { value: "never runs" } }] },
      },
    ],
    compare: "Compare with gather",
    python: (program, { request }) => python.sequence(program, request),
    async run({ text, request, timeline, answer, signal }) {
      const steps = request.steps ?? [];
      steps.forEach((step, i) => timeline.row(i, nameOf(step, i)));
      timeline.wash(true);
      try {
        const body = await (await api.send("sequence", { method: "POST", body: text, signal })).text();
        const { timeline: ran, elapsedMs } = JSON.parse(body);
        drawSteps(timeline, ran, (i) => nameOf(steps[i], i));
        answer.json(body);
        return `${formatCount(ran.length, "step")} in ${formatMs(elapsedMs)}.`;
      } catch (error) {
        const at = error.problem?.index;
        if (at !== undefined) timeline.set(at, { row: at, from: 0, to: timeline.now, outcome: "failed", name: nameOf(steps[at], at), details: "unknown start time" });
        throw error;
      }
    },
  },
  {
    name: "callback",
    title: "Work, then a continuation",
    what: "async_task(callback). An operation runs, then onSuccess or onError. A URL as the continuation gets a signed webhook.",
    kinds: ["io", "cpu"],
    path: (operation) => `callback/${operation}`,
    wrap: (example) => ({ input: example, onSuccess: { operation: "echo", input: { value: { $ref: "#/result" } } } }),
    presets: [
      {
        name: "Work, then a sentence",
        operation: "delay",
        body: {
          input: { seconds: 0.8, result: 42 },
          onSuccess: { operation: "text.format", input: { template: "The result is {result}.", values: { result: { $ref: "#/result" } } } },
          onError: { operation: "echo", input: { value: { $ref: "#/error/detail" } } },
        },
      },
      {
        name: "Error, then a continuation",
        operation: "fail",
        body: {
          input: { message: "out of paper", afterSeconds: 0.5 },
          onSuccess: { operation: "echo", input: { value: { $ref: "#/result" } } },
          onError: { operation: "delay", input: { seconds: 0.4, result: { $ref: "#/error/detail" } } },
        },
      },
    ],
    python: (program, { operation, request }) => python.callback(program, operation, request),
    async run({ operation, text, request, timeline, answer, signal, onTask }) {
      timeline.row(0, operation);
      timeline.row(1, "continuation");
      timeline.wash(true);
      const response = await api.send(`callback/${operation}`, { method: "POST", body: text, signal });
      const body = await response.text();
      answer.json(body);
      const parsed = JSON.parse(body);
      if (response.status === 202) {
        timeline.set("task", { row: 0, from: 0, to: timeline.now, outcome: "succeeded", name: "accepted as a task" });
        onTask(parsed);
        return "Accepted as a task: see the tab Tasks.";
      }
      drawSteps(timeline, parsed.timeline, (i) => (i === 0 ? operation : `${parsed.continuation}: ${parsed.timeline[i].operation}`));

      timeline.row(1, parsed.timeline[1].operation);

      // The work has failed where the other continuation ran.
      if (parsed.continuation === "onError") timeline.set(0, { outcome: "failed" });
      return `${parsed.continuation} ran, ${formatMs(parsed.elapsedMs)} in total.`;
    },
  },
  {
    name: "gather",
    title: "All at once",
    what: "asyncio.gather, TaskGroup, Semaphore and wait(FIRST_COMPLETED). All calls start together. Each bar ends when its result arrives.",
    kinds: ["io", "cpu"],
    list: "calls",
    path: () => "gather",
    presets: [
      { name: "Six waits, a computation", body: { calls: withIds(SEVEN) } },
      { name: "At most two at a time", body: { calls: withIds(SEVEN), maxConcurrency: 2 } },
      { name: "The first one wins", body: { calls: withIds(SEVEN.slice(0, 6)), returnWhen: "firstCompleted" } },
      {
        name: "Some fail, the others continue",
        body: {
          calls: [
            { id: "steady", operation: "delay", input: { seconds: 0.9, result: 1 } },
            { id: "broken", operation: "fail", input: { message: "out of paper", afterSeconds: 0.4 } },
            { id: "late", operation: "delay", input: { seconds: 3 }, timeoutSeconds: 0.6 },
            { id: "quick", operation: "delay", input: { seconds: 0.2, result: 2 } },
          ],
          returnExceptions: true,
        },
      },
      {
        name: "One fails, all are cancelled",
        body: {
          calls: [
            { id: "long", operation: "delay", input: { seconds: 3 } },
            { id: "broken", operation: "fail", input: { message: "out of paper", afterSeconds: 0.6 } },
            { id: "longer", operation: "delay", input: { seconds: 4 } },
          ],
        },
      },
    ],
    compare: "Compare with sequence",
    accept: NDJSON.Accept,
    python: (program, { request }) => python.gather(program, request),
    async run({ text, request, timeline, answer, signal }) {
      const calls = request.calls ?? [];
      calls.slice(0, Timeline.most).forEach((call, i) => {
        timeline.row(i, nameOf(call, i));
        timeline.set(i, { row: i, from: 0, outcome: "running", name: nameOf(call, i), details: call.operation });
      });
      try {
        const response = await api.send("gather", { method: "POST", body: text, signal, headers: NDJSON });
        const { succeeded, failed, cancelled, elapsedMs } = await readLines(response, answer, (line) => {
          const { index, status, error, startedMs, finishedMs } = JSON.parse(line);
          timeline.set(index, { row: index, outcome: status, from: startedMs, to: finishedMs, details: error?.detail ?? calls[index]?.operation });
        });
        return `${plural(succeeded, failed, cancelled)} in ${formatMs(elapsedMs)}.`;
      } catch (error) {
        const at = error.problem?.index;
        if (at !== undefined) timeline.set(at, { row: at, outcome: "failed", to: timeline.now, details: error.message });
        throw error;
      }
    },
  },
  {
    name: "map",
    title: "For many items",
    what: "Pool.map, ThreadPool.map, starmap, imap and imap_unordered. A computation runs on every core: each worker has a row of chunks. Calls that wait run at once: each has a bar.",
    kinds: ["cpu", "io"],
    path: (operation) => `map/${operation}`,
    wrap: (example) => ({ items: [example], timeline: true }),
    presets: [
      { name: "Fractal: the whole set", operation: "fractal.tile", view: { ...Fractal.home } },
      { name: "Fractal: seahorses", operation: "fractal.tile", view: { x: -0.7445, y: 0.1215, width: 0.0135 } },
      { name: "Fractal: a spiral", operation: "fractal.tile", view: { x: -0.761574, y: -0.0847596, width: 0.0012 } },
      { name: "Fractal: elephants", operation: "fractal.tile", view: { x: 0.2925, y: 0.0149, width: 0.019 } },
      {
        name: "Primes, four million at a time",
        operation: "primes.count",
        body: { items: Array.from({ length: 24 }, (_, i) => ({ from: i * 4_000_000, to: (i + 1) * 4_000_000 })), chunkSize: 1, reduce: "sum", timeline: true },
      },
      { name: "Powers, by starmap", operation: "math.pow", body: { items: [[2, 10], [3, 4], [10, 3], [7, 2]], starmap: true, timeline: true } },
      { name: "Ten thousand squares", operation: "math.square", body: () => ({ items: Array.from({ length: 10_000 }, (_, i) => i), timeline: true }) },
      {
        name: "Waits, three at a time",
        operation: "delay",
        body: { items: [0.9, 0.3, 0.6, 0.3, 0.6, 0.3].map((seconds) => ({ seconds, result: `${seconds} s` })), maxConcurrency: 3, timeline: true },
      },
    ],
    accept: NDJSON.Accept,
    python: (program, { operation, request }) => python.map(program, operation, request),
    async run({ operation, text, request, timeline, answer, signal, fractal }) {
      const items = Array.isArray(request.items) ? request.items : [];
      const isFractal = operation === "fractal.tile" && !request.starmap && items.length > 0;
      if (isFractal) fractal.begin(items);
      timeline.row(0, "worker 0");
      timeline.wash(true);
      const failed = new Set();
      const lanes = [];
      let chunks = 0;
      const response = await api.send(`map/${operation}`, { method: "POST", body: text, signal, headers: NDJSON });
      const summary = await readLines(response, answer, (line, kind) => {
        if (kind === "chunk") {
          const { chunk } = JSON.parse(line);
          const { from, count, worker, startedMs, finishedMs } = chunk;
          timeline.wash(false);
          for (let row = timeline.tracks.length; row <= worker; row++) timeline.row(row, `worker ${row}`);
          const hasFailure = failed.size > 0 && Array.from({ length: count }, (_, i) => from + i).some((i) => failed.has(i));
          timeline.set(chunks++, {
            row: worker, from: startedMs, to: finishedMs, hue: Fractal.hue(worker), outcome: hasFailure ? "failed" : "succeeded", text: "",
            name: count === 1 ? `item ${from}` : `items ${from} to ${from + count - 1}`,
          });
          if (isFractal) fractal.credit(chunk);
        } else if (/"finishedMs":[\d.]+\}$/.test(line)) {
          // A call. They come in the order in which they started, so each goes into the first row that is free.
          const { index, error, startedMs, finishedMs } = JSON.parse(line);
          const free = lanes.findIndex((end) => end <= startedMs);
          const row = free < 0 ? lanes.length : free;
          lanes[row] = finishedMs;
          timeline.wash(false);
          timeline.row(row, `call ${row}`);
          timeline.set(chunks++, {
            row, from: startedMs, to: finishedMs, outcome: error ? "failed" : "succeeded", name: `item ${index}`, details: error?.detail,
          });
        } else if (isFractal) {
          const { index, result } = JSON.parse(line);
          if (result) fractal.paint(index, result);
        } else if (/^\{"index":\d+,"error"/.test(line)) {
          failed.add(JSON.parse(line).index);
        }
      });
      const rate = summary.succeeded / (summary.elapsedMs / 1000);
      return `${formatCount(summary.succeeded + summary.failed, "item")} in ${formatMs(summary.elapsedMs)}${summary.workers ? ` on ${formatCount(summary.workers, "worker")}` : ""}`
        + `${summary.failed ? `, ${summary.failed} failed` : ""}${summary.result === undefined ? "" : `: ${JSON.stringify(summary.result)}`} (${Math.round(rate).toLocaleString("en")} a second).`;
    },
  },
  {
    name: "stream",
    title: "One value after another",
    what: "async for over an async generator. The app sends each value when the operation yields it. Each bar is the wait for a value.",
    kinds: ["stream"],
    hasTimeout: true,
    path: (operation) => `stream/${operation}`,
    presets: [
      { name: "Count to twelve", operation: "count", body: { count: 12, intervalSeconds: 0.2, start: 1 } },
      { name: "Hello and goodbye", operation: "greet", body: { name: "Ada", pauseSeconds: 1 } },
      { name: "Stopped by its timeout", operation: "count", body: { count: 100, intervalSeconds: 0.3 }, timeout: 2 },
      { name: "A hundred thousand values", operation: "count", body: { count: 100_000 } },
    ],
    accept: NDJSON.Accept,
    python: (program, { operation, request, timeout }) => python.stream(program, operation, request, timeout),
    async run({ operation, timeout, text, timeline, answer, signal }) {
      let count = 0;
      let before = 0;
      timeline.row(0, operation);
      timeline.set("next", { row: 0, from: 0, outcome: "running", name: "the next value" });
      const close = (outcome) => {
        timeline.bars.get("next")?.element.remove();
        timeline.bars.delete("next");
        if (outcome) timeline.set("end", { row: 0, from: before, to: timeline.now, outcome, name: outcome === "failed" ? "the error" : "cancelled here" });
      };
      try {
        const response = await api.send(`stream/${operation}${query(timeout)}`, { method: "POST", body: text, signal, headers: NDJSON });
        const { elapsedMs } = await readLines(response, answer, (line) => {
          const now = timeline.now;
          timeline.set(count, { row: 0, from: before, to: now, outcome: "succeeded", text: "", name: `value ${count}: ${line.slice(9, 60).replace(/\}$/, "")}` });
          timeline.set("next", { from: now });
          before = now;
          count++;
        });
        close();
        return `${formatCount(count, "value")} in ${formatMs(elapsedMs)}.`;
      } catch (error) {
        close(outcomeOf(error));
        throw error;
      }
    },
  },
];

/** A row a step: where one ends the next begins. */
function drawSteps(timeline, ran, name) {
  timeline.wash(false);
  ran.forEach(({ index, startedMs, finishedMs, operation }) =>
    timeline.set(index, { row: index, from: startedMs, to: finishedMs, outcome: "succeeded", name: name(index), details: operation }));
}
