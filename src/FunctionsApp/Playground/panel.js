"use strict";
// A tab: the request, its run, and the response.

class Panel {
  constructor(pattern, catalog) {
    this.pattern = pattern;
    this.catalog = catalog;
    [this.root, this.parts] = instantiate("panel");
    this.root.id = `panel-${pattern.name}`;
    this.root.setAttribute("aria-labelledby", `tab-${pattern.name}`);
    const { parts } = this;
    parts.title.textContent = pattern.title;
    parts.what.textContent = pattern.what;
    parts.method.textContent = "POST";
    parts.body.setAttribute("aria-label", "Request body (JSON)");
    parts.docs.setAttribute("aria-label", `Documentation of ${pattern.name}`);
    parts.docs.dataset.repository = `blob/HEAD/docs/${pattern.name}.md`;
    parts.answer.setAttribute("aria-label", "Response");
    parts.curl.setAttribute("aria-label", "The request as a curl command");
    parts.client.setAttribute("aria-label", "The request as a Python program");
    parts.python.setAttribute("aria-label", "The same work as a Python program that needs no server");
    parts.example.replaceChildren(...pattern.presets.map((preset, i) => make("option", { value: i }, preset.name)));
    parts["timeout-field"].hidden = !pattern.hasTimeout;
    if (pattern.list) {
      parts["operation-label"].textContent = `Add a ${pattern.list.slice(0, -1)}`;
      parts.add.hidden = false;
    }
    if (pattern.compare) {
      parts.compare.textContent = pattern.compare;
      parts.compare.hidden = false;
    }
    this.answer = new LinesView(parts.answer);
    if (pattern.name === "map") {
      this.fractal = new Fractal(() => this.runView());
      parts.extra.append(this.fractal.root);
    }
    this.listen();
    this.fillOperations();
  }

  /** Fills in the first example when the panel is first shown: only now its parts have a size. */
  open() {
    if (this.isOpen) return;
    this.isOpen = true;
    this.fractal?.resize();
    this.choose();
  }

  /** Runs the first example, if nothing has run yet. */
  start() {
    if (this.request && !this.root.dataset.state) this.run();
  }

  makeTimeline(title) {
    return new Timeline(title ?? this.pattern.name, {
      title,
      rowsAre: { map: "worker", sequence: "step", callback: "step", tasks: "task" }[this.pattern.name] ?? "call",
      onFrame: (now) => (this.parts.clock.textContent = this.current ? formatMs(now) : ""),
    });
  }

  listen() {
    const { parts } = this;
    parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.run();
    });
    parts.example.addEventListener("change", () => this.choose());
    parts.operation.addEventListener("change", () => this.pick());
    parts.add.addEventListener("click", () => this.addCall());
    parts.compare.addEventListener("click", () => this.compare());
    parts.cancel.addEventListener("click", () => this.cancel());
    for (const input of [parts.body, parts.timeout]) input.addEventListener("input", () => this.edited());
    this.root.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.run();
      } else if (event.key === "Escape") {
        this.cancel();
      }
    });
    parts["copy-answer"].addEventListener("click", (event) => copy(event.target, this.answer.lines.join("\n")));
    parts["copy-curl"].addEventListener("click", (event) => copy(event.target, parts.curl.textContent));
    parts["copy-client"].addEventListener("click", (event) => copy(event.target, parts.client.textContent));
    parts["copy-python"].addEventListener("click", (event) => copy(event.target, parts.python.textContent));
  }

  /** Fills the picker: from the catalog if it has been read, otherwise with the operations of the examples. */
  fillOperations() {
    const { operation } = this.parts;
    const chosen = operation.value;
    const fitting = this.catalog.operations.filter(({ kind }) => this.pattern.kinds.includes(kind));
    const names = fitting.length ? fitting.map(({ name }) => name) : [...new Set(this.pattern.presets.map((preset) => preset.operation).filter(Boolean))];
    const options = (kind) => fitting.filter((one) => one.kind === kind).map(({ name }) => make("option", {}, name));
    operation.replaceChildren(...(fitting.length && this.pattern.kinds.length > 1
      ? this.pattern.kinds.map((kind) => make("optgroup", { label: { io: "waits", cpu: "computes", stream: "yields", pattern: "patterns" }[kind] }, ...options(kind)))
      : names.map((name) => make("option", {}, name))));
    if (names.includes(chosen)) operation.value = chosen;
    this.describe();
  }

  get operation() {
    return this.parts.operation.value;
  }

  describe() {
    const found = this.catalog.operations.find(({ name }) => name === this.operation);
    this.parts.summary.textContent = found ? `${found.name}: ${found.summary}` : "";
    if (this.fractal) this.fractal.root.hidden = this.operation !== "fractal.tile";
  }

  /** Fills the request in from the chosen example. */
  choose() {
    const preset = this.pattern.presets[this.parts.example.value];
    if (preset.operation && !this.pattern.list) {
      if (![...this.parts.operation.options].some(({ value }) => value === preset.operation)) this.parts.operation.append(make("option", {}, preset.operation));
      this.parts.operation.value = preset.operation;
    }
    this.parts.timeout.value = preset.timeout ?? "";
    this.describe();
    if (preset.view) {
      this.fractal.view = { ...preset.view };
      this.fill(this.fractal.request());
      if (this.fractal.picture) this.fractal.draw();
    } else {
      this.fill(typeof preset.body === "function" ? preset.body() : preset.body);
    }
  }

  /** An operation has been picked: its own example is the request. */
  pick() {
    this.describe();
    if (this.pattern.list) return;
    if (this.operation === "fractal.tile" && this.fractal) {
      this.fill(this.fractal.request());
      return;
    }
    const found = this.catalog.operations.find(({ name }) => name === this.operation);
    const example = found?.example ?? {};
    this.fill(this.pattern.wrap?.(example, found) ?? example);
  }

  addCall() {
    const found = this.catalog.operations.find(({ name }) => name === this.operation);
    const request = this.request ?? {};
    const list = this.pattern.list;
    this.fill({ ...request, [list]: [...(request[list] ?? []), { operation: this.operation, input: found?.example ?? {} }] });
  }

  fill(request) {
    // A tile a line, however long: it is their number that counts.
    const width = this.operation === "fractal.tile" ? 300 : columnsOf(this.parts.body);
    this.parts.body.value = formatJson(JSON.stringify(request), width).join("\n");
    this.edited();
  }

  /** The request has changed: so do its twins. */
  edited() {
    const { parts, pattern } = this;
    try {
      this.request = parts.body.value.trim() ? parseJson(parts.body.value) : {};
      parts.fault.textContent = "";
    } catch (error) {
      this.request = undefined;
      parts.fault.textContent = `Invalid JSON: ${error.message}`;

      // A problem of an earlier request would look like one of this text.
      parts.problem.hidden = true;
    }
    parts.body.setAttribute("aria-invalid", String(!this.request));
    const context = { operation: this.operation, timeout: parts.timeout.value, request: this.request };
    const path = `${pattern.path(this.operation)}${pattern.hasTimeout ? query(context.timeout) : ""}`;
    parts.path.textContent = new URL(path, api.base).pathname + (pattern.hasTimeout ? query(context.timeout) : "");
    if (!this.request) return;
    parts.curl.textContent = this.curl(path);
    for (const [part, program] of [["client", new ClientProgram()], ["python", new PythonProgram()]]) {
      try {
        parts[part].textContent = pattern.python(program, context);
      } catch {
        parts[part].textContent = "# There is no Python program for this request: the pattern does not accept it.\n";
      }
    }
  }

  curl(path) {
    const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
    // Laid out as it is in the field, unless that would be many lines.
    const body = this.parts.body.value.trim();
    return [
      `curl -s${this.pattern.accept ? "N" : ""} --json ${quoted(body.length > 4000 ? JSON.stringify(this.request) : body)}`,
      ...(this.pattern.accept ? [`-H 'Accept: ${this.pattern.accept}'`] : []),
      ...(api.key ? ['-H "x-functions-key: $FUNCTIONS_KEY"'] : []),
      quoted(api.url(path)),
    ].join(" \\\n  ");
  }

  /** Runs some work, with the clock, the buttons and the words around it. */
  async perform(work) {
    this.current?.abort();
    const run = new AbortController();
    this.current = run;
    const { parts, root } = this;
    parts.problem.hidden = true;
    parts.factor.hidden = true;
    parts.cancel.disabled = false;
    parts.status.textContent = "Running…";

    root.dataset.state = "running";
    this.answer.set([]);
    let state = "done";
    let message;
    try {
      message = await work(run.signal);
    } catch (error) {
      state = run.signal.aborted ? "cancelled" : "failed";
      message = "Cancelled. The page closed the connection, and the host stops the work.";
      if (this.current === run && !run.signal.aborted) {
        const problem = error.problem ?? { title: "The request could not be sent", detail: error.message };
        showProblem(parts.problem, problem, parts.body);
        message = `Failed: ${problem.title}.`;
        if (problem.results) this.answer.json(JSON.stringify(problem));
      }
    }

    // A later run may have the panel by now.
    if (this.current === run) this.end(state, message);
  }

  end(state, message) {
    const { parts, root } = this;
    this.current = undefined;
    parts.status.textContent = message;
    parts.cancel.disabled = true;
    parts.clock.textContent = "";
    parts["answer-size"].textContent = formatCount(this.answer.lines.length, "line");
    root.dataset.state = state;
  }

  run() {
    if (!this.request) return this.refuse();
    const timeline = this.makeTimeline();
    this.showCharts(timeline);
    return this.perform((signal) => this.draw(this.pattern, this.context(timeline, signal)));
  }

  /** Instead of a run: what the last one has left does not belong to this request. */
  refuse() {
    this.current?.abort();
    this.showCharts();
    this.parts.problem.hidden = true;
    this.parts.factor.hidden = true;
    this.answer.set([]);
    this.end("failed", "Not sent: the request is not valid JSON.");
    this.parts.body.focus();
  }

  /** Runs a pattern and draws its timeline, in which also a failure without any bar is seen. */
  async draw(pattern, context) {
    const { timeline } = context;
    timeline.begin();
    try {
      return await pattern.run(context);
    } catch (error) {
      if (timeline.bars.size === 0) timeline.drawWhole(pattern.name, outcomeOf(error));
      throw error;
    } finally {
      timeline.finish();
    }
  }

  context(timeline, signal, request = this.request, text = this.parts.body.value) {
    return {
      operation: this.operation, timeout: this.parts.timeout.value, request, text, timeline, signal,
      answer: { append: (lines) => !signal.aborted && this.answer.append(lines), json: (text) => !signal.aborted && this.answer.json(text) },
      fractal: this.fractal,
      onTask: (task) => this.onTask?.(task),
    };
  }

  showCharts(...timelines) {
    const isTableOpen = this.parts.charts.querySelector("details")?.open ?? false;
    for (const { details } of timelines) details.open = isTableOpen;
    this.parts.charts.replaceChildren(...timelines.map(({ root }) => root));
  }

  /** The fractal is looked at from elsewhere: the run for where it was looked at before is of no use any more. */
  runView() {
    this.fill(this.fractal.request());
    this.run();
  }

  cancel() {
    this.current?.abort();
  }

  /** Runs the same calls one after the other and then all at once, on one axis. */
  async compare() {
    if (!this.request) return this.refuse();
    const calls = this.request.steps ?? this.request.calls ?? [];
    const requests = [
      ["sequence", { steps: calls }, { steps: calls.map(({ operation, input }) => ({ operation, input })) }],
      ["gather", { ...this.request, steps: undefined, calls }],
    ];
    const charts = requests.map(([name]) => this.makeTimeline(name));
    this.showCharts(...charts);
    await this.perform(async (signal) => {
      const times = [];
      for (const [i, [name, request, sent = request]] of requests.entries()) {
        const pattern = patterns.find((one) => one.name === name);
        await this.draw(pattern, this.context(charts[i], signal, request, JSON.stringify(sent)));
        times.push(charts[i].end);
        charts.forEach((chart) => chart.fix(Math.max(...times)));
      }
      const [slow, quick] = times;
      this.parts.factor.replaceChildren(
        make("span", {}, make("b", {}, formatMs(slow)), " in sequence"),
        make("span", {}, make("b", {}, formatMs(quick)), " gathered"),
        make("strong", {}, `${(slow / quick).toFixed(1)}× as fast`));
      this.parts.factor.hidden = false;
      return `Gather took ${formatMs(quick)}, sequence ${formatMs(slow)}.`;
    });
  }
}
