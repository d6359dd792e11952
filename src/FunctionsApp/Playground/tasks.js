"use strict";
// Tasks outlive their request: they are created, watched, cancelled, and found again after a reload.

/** The patterns that the host can run as tasks. */
const TASK_PATTERNS = document.querySelector("meta[name=task-patterns]").content.split(" ");

const tasksPattern = {
  name: "tasks",
  title: "Work that outlives its request",
  what: "create_task, await task, task.cancel(). The app responds with the task at once. A task survives a restart, can be retried, and can post a webhook when it ends.",
  kinds: ["pattern", "io", "cpu"],
  path: (operation) => (TASK_PATTERNS.includes(operation) ? "tasks" : `tasks/${operation}`),
  wrap: (example, found) => (found?.kind === "pattern" ? example : { input: example }),
  presets: [
    {
      name: "A gather, with its progress",
      operation: "gather",
      body: { pattern: "gather", request: { calls: [0.5, 1, 1.5, 2, 2.5, 3].map((seconds) => ({ operation: "delay", input: { seconds } })) }, ttlSeconds: 600 },
    },
    {
      name: "A map, with its progress",
      operation: "map",
      body: { pattern: "map", operation: "primes.count", request: { items: Array.from({ length: 32 }, (_, i) => ({ from: i * 8_000_000, to: (i + 1) * 8_000_000 })), chunkSize: 1, reduce: "sum" } },
    },
    { name: "A long wait to cancel", operation: "delay", body: { input: { seconds: 60, result: "done" } } },
    { name: "Three attempts", operation: "fail", body: { input: { message: "out of paper", afterSeconds: 0.3 }, retry: { maxAttempts: 3, initialDelaySeconds: 0.5 } } },
    { name: "With a webhook", operation: "delay", body: { input: { seconds: 0.5, result: "done" }, onSuccess: { url: "https://example.com/webhook" }, onError: { url: "https://example.com/webhook" } } },
  ],
  python: (program, { operation, request }) => python.task(program, operation, request),
};

/** What the picker has beside the operations. */
const PATTERN_TASKS = TASK_PATTERNS.map((name) => ({
  name,
  kind: "pattern",
  summary: "Runs the pattern as a task. Its progress counts items, calls or steps.",
  example: tasksPattern.presets.find((preset) => preset.operation === name)?.body ?? { pattern: name, request: name === "sequence" ? { steps: SEVEN } : {} },
}));

const ENDED = ["succeeded", "failed", "cancelled"];

class TasksPanel extends Panel {
  // Their ids are all it takes to see them, so they stay in this tab of the browser.
  static store = "playground.tasks";

  constructor(catalog) {
    super(tasksPattern, catalog);
    this.tasks = new Map();
    this.rows = 0;
    this.timeline = this.makeTimeline();
    this.parts.charts.append(this.timeline.root);
    this.list = make("ul", { class: "tasks" });
    this.parts.extra.append(make("section", { class: "card" },
      make("div", { class: "head" }, make("h3", {}, "Tasks of this browser tab"), make("button", { type: "button", class: "quiet copy", onclick: () => this.removeEnded() }, "Remove ended tasks")),
      this.list));
    this.drawList();
  }

  /** Finds the tasks of before a reload. */
  async restore() {
    await this.starting?.catch(() => {});
    for (const id of JSON.parse(sessionStorage.getItem(TasksPanel.store) ?? "[]")) {
      if (this.tasks.has(id)) continue;
      try {
        this.follow(await (await api.send(`tasks/${id}`)).json());
      } catch {
        // It has expired, or is another host's.
      }
    }
  }

  /** Once in a tab of the browser: the host stores each task, and a reload finds it. */
  start() {
    if (!this.request || this.root.dataset.state || sessionStorage.getItem(TasksPanel.store) !== null) return;
    this.perform(async (signal) => {
      this.starting = this.create(signal);
      this.example = await this.starting;
      return this.endOf(this.example);
    });
  }

  /** The chart of the tasks stays. */
  showCharts() {}

  run() {
    this.dismiss();
    return this.request ? this.perform(async (signal) => this.endOf(await this.create(signal))) : this.refuse();
  }

  /** Creates the task of the request, and lists it. */
  async create(signal) {
    return this.follow(await (await api.send(tasksPattern.path(this.operation), { method: "POST", body: this.parts.body.value, signal })).json());
  }

  /** Returns how a task has ended, when it has. */
  async endOf(task) {
    await task.ended;
    return `The task ${{ failed: "has failed", cancelled: "was cancelled" }[task.now.status] ?? "has succeeded"}${task.now.attempts > 1 ? ` after ${task.now.attempts} attempts` : ""}.`;
  }

  /** The example that ran by itself makes way for a request, as in the other tabs. */
  dismiss() {
    const { example } = this;
    if (!this.tasks.has(example?.now.id)) return;
    if (!ENDED.includes(example.now.status)) this.cancelTask(example);
    this.remove([example]);
  }

  /** Here Cancel is for the task: the request that created it is long over. */
  cancel() {
    const running = [...this.tasks.values()].findLast(({ now }) => !ENDED.includes(now.status));
    if (running) this.cancelTask(running);
    else super.cancel();
  }

  perform(work) {
    // A running task continues when another is created.
    this.current = undefined;
    return super.perform(work);
  }

  async cancelTask(task) {
    try {
      this.update(task, await (await api.send(task.now.links.self, { method: "DELETE" })).json());
    } catch (error) {
      // 409: it was quicker.
      if (error.problem?.status !== 409) showProblem(this.parts.problem, error.problem ?? { title: error.message });
    }
  }

  /** Lists a task, and watches it until its end. */
  follow(answer) {
    const task = { now: answer, row: this.rows++, seen: performance.now() };
    this.tasks.set(answer.id, task);
    this.remember();
    task.element = make("li", { class: "task" });
    this.list.prepend(task.element);
    this.list.querySelector(".none")?.remove();
    this.drawTask(task);
    this.drawBar(task);
    this.grow();
    task.ended = ENDED.includes(answer.status) ? Promise.resolve() : this.watch(task);
    return task;
  }

  async watch(task) {
    let last;
    while (!ENDED.includes(task.now.status)) {
      try {
        const response = await api.send(task.now.links.events, { headers: { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) } });
        if (response.status === 204) break;
        for await (const { id, data, event } of eventsOf(response)) {
          if (event) continue;
          last = id;
          this.update(task, JSON.parse(data));
        }
      } catch (error) {
        // Unknown now, or not for this key. Any other error may be the network's: the stream continues from its last event.
        if (error.problem) break;
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
    }
    if (!ENDED.includes(task.now.status)) this.update(task, await (await api.send(task.now.links.self)).json());
  }

  update(task, answer) {
    // What was on its way for longer may tell of an earlier state.
    if (ENDED.includes(task.now.status)) answer = task.now;
    task.now = answer;
    if (!this.tasks.has(answer.id)) return;
    this.drawTask(task);
    this.drawBar(task);
    this.grow();
  }

  /** Lets the bars of tasks that run grow with the time. */
  grow() {
    cancelAnimationFrame(this.frame);
    const running = [...this.tasks.values()].filter(({ now }) => !ENDED.includes(now.status));
    running.forEach((task) => this.drawBar(task));
    this.timeline.draw(0);
    if (running.length) this.frame = requestAnimationFrame(() => this.grow());
  }

  /** A row a task, counted from its own creation. */
  drawBar({ now: task, row, seen }) {
    const { timeline } = this;
    const since = (time) => time && Date.parse(time) - Date.parse(task.createdAt);
    const name = task.pattern ?? task.operation;
    const start = since(task.startedAt);
    const isEnded = ENDED.includes(task.status);

    // The clocks of browser and host differ, so running tasks are measured only with the browser's.
    const end = isEnded ? since(task.finishedAt) : Math.max(start ?? 0, performance.now() - seen);
    timeline.row(row, `${name} ${task.id.slice(0, 4)}`);
    if (start === undefined || start > 5) timeline.set(`${task.id} queued`, { row, from: 0, to: start ?? end, outcome: "queued", name: `${name} waits` });
    if (start === undefined) return;
    timeline.set(task.id, {
      row, from: start, to: end, name,
      outcome: isEnded ? task.status : "running",
      details: [`attempt ${task.attempts}`, task.progress && `${task.progress.completed} of ${task.progress.total ?? "?"} done`].filter(Boolean).join(", "),
    });
  }

  drawTask(task) {
    const { now } = task;
    const isEnded = ENDED.includes(now.status);
    const outcome = isEnded || now.status === "queued" ? now.status : "running";
    const { completed = 0, total } = now.progress ?? {};

    // Updated in place, so that a focused button keeps the focus.
    task.view ??= (() => {
      const view = {
        pill: make("span"),
        progress: make("progress", { "aria-label": "Progress" }),
        count: make("span", { class: "hint" }),
        cancel: make("button", { type: "button", class: "quiet", onclick: () => this.cancelTask(task) }, "Cancel"),
        deliveries: make("div", { class: "deliveries" }),
      };
      task.element.append(
        make("div", { class: "head" },
          view.pill, make("b", {}, now.pattern ?? now.operation), make("code", { title: now.id }, now.id.slice(0, 8)), view.progress, view.count,
          make("span", { class: "buttons" },
            view.cancel,
            make("button", { type: "button", class: "quiet", onclick: () => this.showTask(task) }, "Response"),
            make("button", { type: "button", class: "quiet", onclick: () => this.showDeliveries(task) }, "Deliveries"))),
        view.deliveries);
      return view;
    })();
    const { pill, progress, count, cancel } = task.view;
    pill.className = `pill ${outcome}`;
    pill.textContent = `${OUTCOMES[outcome].sign} ${now.status}`;
    progress.hidden = total === undefined;
    progress.max = Math.max(1, total ?? 1);
    progress.value = completed;
    count.textContent = [total !== undefined && `${completed} of ${total}`, now.attempts > 1 && `attempt ${now.attempts}`].filter(Boolean).join(", ");
    cancel.disabled = isEnded || now.status === "cancelling";
    if (isEnded) this.showTask(task);
  }

  showTask({ now }) {
    this.answer.json(JSON.stringify(now));
    this.parts["answer-size"].textContent = formatCount(this.answer.lines.length, "line");
  }

  async showDeliveries(task) {
    const { deliveries } = task.view;
    const refresh = make("button", { type: "button", class: "quiet", onclick: () => this.showDeliveries(task) }, "Refresh");
    try {
      const { items, url, state } = await (await api.send(task.now.links.deliveries)).json();
      if (!url) {
        deliveries.replaceChildren(make("p", { class: "hint" }, ENDED.includes(task.now.status) ? "This task sends no webhook: it has no URL for its outcome." : "The webhook is sent when the task has ended."));
        return;
      }
      const again = make("button", { type: "button", class: "quiet", onclick: async () => {
        await api.send(task.now.links.deliveries, { method: "POST" }).catch((error) => showProblem(this.parts.problem, error.problem));
        this.showDeliveries(task);
      } }, "Send again");
      const head = ["attempt", "time", "duration", "response", "next attempt"].map((text) => make("th", { scope: "col" }, text));
      const clock = (time) => (time ? new Date(time).toLocaleTimeString() : "");
      deliveries.replaceChildren(
        make("p", {}, `To ${url}: ${state}. `, again, " ", refresh),
        make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Deliveries" }, make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...items.map((item) =>
          make("tr", {}, ...[item.attempt, clock(item.startedAt), formatMs(item.elapsedMs), item.error ?? item.status, clock(item.nextAttemptAt)].map((text) => make("td", {}, String(text ?? "")))))))));
    } catch (error) {
      deliveries.replaceChildren(make("p", { class: "hint" }, error.message));
    }
  }

  drawList() {
    if (this.tasks.size === 0) this.list.replaceChildren(make("li", { class: "hint none" }, "There are none. Run creates one."));
  }

  removeEnded() {
    this.remove([...this.tasks.values()].filter(({ now }) => ENDED.includes(now.status)));
  }

  /** Removes tasks from the list; the host keeps them. */
  remove(tasks) {
    for (const task of tasks) {
      this.tasks.delete(task.now.id);
      task.element.remove();
    }
    this.remember();
    this.timeline.clear();
    this.rows = 0;
    for (const task of this.tasks.values()) {
      task.row = this.rows++;
      this.drawBar(task);
    }
    this.drawList();
  }

  remember() {
    sessionStorage.setItem(TasksPanel.store, JSON.stringify([...this.tasks.keys()]));
  }
}
