"use strict";
// Draws a timeline. A bar is an element whose custom properties have its place in milliseconds; the stylesheet
// divides them by --span of the chart. So the axis can grow with every frame without a bar being touched.

const OUTCOMES = {
  queued: { sign: "◦", words: "queued" },
  running: { sign: "▸", words: "running" },
  succeeded: { sign: "✓", words: "succeeded" },
  failed: { sign: "✕", words: "failed" },
  cancelled: { sign: "⊘", words: "cancelled" },
};

class Timeline {
  // More would be thinner than a pixel, and slow.
  static most = 1000;

  // name: what is drawn, in the name that a screen reader reads. rowsAre: what a row is. onFrame: called with the time while it runs.
  constructor(name, { rowsAre = "call", title, onFrame = () => {} } = {}) {
    this.name = name;
    this.onFrame = onFrame;
    this.rowsAre = rowsAre;
    this.tip = make("div", { class: "tip", hidden: true, "aria-hidden": "true" });
    this.ticks = make("div", { class: "ticks", "aria-hidden": "true" });
    this.rows = make("div", { class: "rows" });
    this.more = make("p", { class: "hint", hidden: true });
    this.chart = make("div", { class: "chart", role: "group" }, this.rows, this.ticks, this.tip);
    this.table = make("table");
    this.details = make("details", { ontoggle: () => this.drawTable() }, make("summary", {}, "Show as a table"), this.table);
    this.root = make("figure", { class: "timeline" }, title ? make("figcaption", {}, title) : null, this.chart, this.more, this.details);
    for (const [event, bar] of [["pointerover", true], ["focusin", true], ["pointerleave", false], ["focusout", false]]) {
      this.chart.addEventListener(event, (e) => this.showTip(bar ? e.target.closest?.(".bar") : null));
    }
    this.chart.addEventListener("keydown", (e) => this.move(e));
    this.clear();
  }

  clear() {
    cancelAnimationFrame(this.frame);
    this.tracks = [];
    this.bars = new Map();
    this.undrawn = 0;
    this.end = 1;
    this.fixed = 0;
    this.rows.replaceChildren();
    this.tip.hidden = true;
    this.draw(1);
  }

  /** Starts the clock; bars that run grow with it. */
  begin() {
    this.start = performance.now();
    const tick = () => {
      const now = performance.now() - this.start;
      this.draw(now);
      this.onFrame(now);
      this.frame = requestAnimationFrame(tick);
    };
    tick();
  }

  /** Stops the clock; bars that still run are cancelled. */
  finish(outcome = "cancelled") {
    cancelAnimationFrame(this.frame);
    const now = performance.now() - this.start;
    for (const [key, bar] of this.bars) {
      if (bar.outcome === "running" || bar.outcome === "queued") this.set(key, { outcome, to: Math.max(now, bar.from) });
    }
    for (const { element, from } of this.bars.values()) element.classList.toggle("late", from > this.end * 0.8);
    this.wash(false);
    this.draw(0);
    this.drawTable();
  }

  /** Draws one bar over all of the time until now. */
  drawWhole(name, outcome) {
    const { now } = this;
    this.clear();
    this.row(0, name);
    this.set("whole", { row: 0, from: 0, to: now, outcome, name });
  }

  get now() {
    return performance.now() - this.start;
  }

  /** A light over the whole chart, until the first bar is known. */
  wash(isOn) {
    this.chart.classList.toggle("washed", isOn);
  }

  row(index, name) {
    while (this.tracks.length <= index) {
      const label = make("span", { class: "label" });
      const track = make("div", { class: "track" });
      this.rows.append(make("div", { class: "row" }, label, track));
      this.tracks.push({ label, track });
    }
    if (name !== undefined) {
      this.tracks[index].label.textContent = name;
      this.tracks[index].label.title = name;
    }
    return this.tracks[index].track;
  }

  /** Adds a bar, or changes one: { row, from, to, outcome, name, details, hue }. */
  set(key, change) {
    let bar = this.bars.get(key);
    if (!bar) {
      if (this.bars.size >= Timeline.most) {
        this.undrawn++;
        this.end = Math.max(this.end, change.to ?? 0);
        return;
      }
      bar = { from: 0, name: key, element: make("div", { class: "bar", role: "img", tabindex: this.bars.size ? -1 : 0 }, make("span", { "aria-hidden": "true" })) };
      bar.element.bar = bar;
      this.bars.set(key, bar);
      this.row(change.row).append(bar.element);
    }
    Object.assign(bar, change);
    const { element, outcome, from, to } = bar;
    element.className = `bar ${outcome}`;
    element.style.setProperty("--from", from);
    if (to === undefined) element.style.removeProperty("--to");
    else element.style.setProperty("--to", to);
    if (bar.hue !== undefined) element.style.setProperty("--hue", bar.hue);
    this.end = Math.max(this.end, to ?? from);
    const text = bar.text ?? (to === undefined ? "" : formatMs(to - from));

    // Of many small ones only those that need a look have a sign.
    element.firstChild.textContent = text || outcome !== "succeeded" ? `${OUTCOMES[outcome].sign} ${text}` : "";
    element.setAttribute("aria-label", this.describe(bar).join(", "));
  }

  describe({ name, outcome, from, to, details }) {
    return [
      name,
      OUTCOMES[outcome].words,
      to === undefined ? `since ${formatMs(from)}` : `${formatMs(from)} to ${formatMs(to)}`,
      ...(to === undefined ? [] : [`took ${formatMs(to - from)}`]),
      ...(details ? [details] : []),
    ];
  }

  /** Both charts of a comparison have the axis of the longer one. */
  fix(span) {
    this.fixed = span;
    this.draw(0);
  }

  draw(now) {
    const span = Math.max(this.end, now, this.fixed) * 1.01;
    this.chart.style.setProperty("--span", span);
    this.chart.style.setProperty("--now", now);
    this.more.hidden = this.undrawn === 0;
    if (this.undrawn) this.more.textContent = `Shows the first ${formatCount(Timeline.most, "bar")}; ${this.undrawn.toLocaleString("en")} more are not drawn.`;

    // The step is 1, 2 or 5 times a power of ten, the smallest with room for its label; the last label needs room too.
    const pixel = span / (this.ticks.clientWidth || 600);
    const power = 10 ** Math.floor(Math.log10(pixel * 70));
    const step = power * [1, 2, 5, 10].find((n) => power * n >= pixel * 70);
    const count = Math.floor((span - 48 * pixel) / step);
    const shape = `${step}/${count}`;
    if (shape !== this.shape) {
      this.shape = shape;
      this.ticks.replaceChildren(...Array.from({ length: count + 1 }, (_, i) => {
        const tick = make("span", {}, i === 0 ? "0" : i * step < 1000 ? `${+(i * step).toPrecision(3)} ms` : `${+((i * step) / 1000).toPrecision(3)} s`);
        tick.style.setProperty("--at", i * step);
        return tick;
      }));
    }
    if (now === 0) this.chart.setAttribute("aria-label", this.summary());
  }

  summary() {
    const counts = Object.entries(Object.groupBy([...this.bars.values()], (bar) => bar.outcome)).map(([outcome, bars]) => `${bars.length} ${outcome}`);
    return `Timeline of ${this.name}: ${formatCount(this.bars.size, "bar")} over ${formatMs(this.end)}; ${counts.join(", ")}. The arrow keys move from bar to bar.`;
  }

  drawTable() {
    if (!this.details.open) return;
    const head = ["", this.rowsAre, "outcome", "from", "to", "took"].map((text) => make("th", { scope: "col" }, text || "bar"));
    const rows = [...this.bars.values()].map((bar) => make("tr", {},
      make("th", { scope: "row" }, bar.name),
      ...[this.tracks[bar.row].label.textContent, bar.outcome, formatMs(bar.from), bar.to === undefined ? "…" : formatMs(bar.to), bar.to === undefined ? "…" : formatMs(bar.to - bar.from)]
        .map((text) => make("td", {}, text))));
    this.table.replaceChildren(make("caption", {}, `Timeline of ${this.name}`), make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
  }

  showTip(element) {
    this.tip.hidden = !element;
    if (!element) return;
    const [name, ...rest] = this.describe(element.bar);
    this.tip.replaceChildren(make("b", {}, `${OUTCOMES[element.bar.outcome].sign} ${name}`), ...rest.map((text) => make("span", {}, text)));
    const chart = this.chart.getBoundingClientRect();
    const bar = element.getBoundingClientRect();
    const left = Math.min(Math.max(0, bar.left - chart.left), chart.width - this.tip.offsetWidth);
    this.tip.style.left = `${left}px`;
    this.tip.style.top = `${bar.bottom - chart.top + 4}px`;
  }

  /** One stop for the tab key; arrows go on from there. */
  move(event) {
    const bars = [...this.bars.values()].map((bar) => bar.element);
    const at = bars.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: bars.length - 1 }[event.key];
    if (at < 0 || !bars[to]) return;
    event.preventDefault();
    bars[at].tabIndex = -1;
    bars[to].tabIndex = 0;
    bars[to].focus();
  }
}
