"use strict";
// Small things that all panels are made of.

/** Makes an element: attributes by name, children as nodes or text. Nothing is ever parsed as HTML. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A copy of a template, and its named parts. */
function instantiate(id) {
  const root = document.getElementById(id).content.firstElementChild.cloneNode(true);
  const parts = {};
  for (const part of root.querySelectorAll("[data-is]")) parts[part.dataset.is] = part;
  return [root, parts];
}

/** How many characters of code fit a line of an element. */
function columnsOf(element) {
  return Math.max(30, Math.floor(element.clientWidth / 8) - 4);
}

async function copy(button, text) {
  let isCopied = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    isCopied = false;
  }
  button.textContent = isCopied ? "Copied" : "Not allowed";
  button.addEventListener("blur", () => (button.textContent = "Copy"), { once: true });
}

/** Lines of text of which only the visible ones are in the document: a response may have a million. */
class LinesView {
  // A line of base64 can be as long as the response; nobody reads it to its end.
  static longest = 2000;

  constructor(element) {
    this.element = element;
    this.card = element.closest("section");
    this.lines = [];
    this.sizer = make("div", { class: "sizer" });
    this.window = make("div", { class: "window" });
    this.sizer.append(this.window);
    element.append(this.sizer);
    element.addEventListener("scroll", () => {
      this.follows = element.scrollTop + element.clientHeight >= element.scrollHeight - 4;
      this.draw();
    });
    new ResizeObserver(() => this.draw()).observe(element);
  }

  set(lines) {
    this.lines = lines;
    this.card.hidden = lines.length === 0;
    this.element.scrollTop = 0;
    this.follows = lines.length === 0;
    this.draw();
  }

  /** Shows JSON laid out, as wide as there is room. */
  json(text) {
    this.card.hidden = false;
    this.set(formatJson(text, columnsOf(this.element)));
  }

  append(lines) {
    this.card.hidden = false;
    for (const line of lines) this.lines.push(line);
    this.pending ??= requestAnimationFrame(() => {
      this.pending = undefined;
      this.draw();
      if (this.follows) this.element.scrollTop = this.element.scrollHeight;
    });
  }

  draw() {
    const height = parseFloat(getComputedStyle(this.element).lineHeight);
    const first = Math.max(0, Math.floor(this.element.scrollTop / height) - 4);
    const last = Math.min(this.lines.length, first + Math.ceil((this.element.clientHeight || 400) / height) + 8);
    this.sizer.style.height = `${this.lines.length * height}px`;
    this.window.style.top = `${first * height}px`;
    this.window.replaceChildren(...this.lines.slice(first, last).map((line) => LinesView.row(line)));
  }

  static row(line) {
    const row = make("div");
    const shown = line.slice(0, LinesView.longest);
    let end = 0;
    for (const token of shown.matchAll(/"(?:[^"\\]|\\.)*"?(\s*:)?|-?\d[\d.eE+-]*|true|false|null/g)) {
      const [text, colon] = token;
      const kind = text[0] === '"' ? (colon ? "name" : "text") : "value";
      row.append(shown.slice(end, token.index), make("span", { class: kind }, text));
      end = token.index + text.length;
    }
    row.append(shown.slice(end) || (shown ? "" : " "));
    if (line.length > shown.length) row.append(make("span", { class: "more" }, ` … ${formatCount(line.length - shown.length, "character")} more`));
    return row;
  }
}

/** Shows a problem; a pointer leads to the place in the request. */
function showProblem(section, problem, body) {
  const details = make("dl");
  const add = (name, ...values) => details.append(make("dt", {}, name), make("dd", {}, ...values));
  for (const [pointer, messages] of Object.entries(problem.errors ?? {})) {
    const place = body && locate(body.value, pointer);
    const code = make("code", {}, pointer || "(whole request)");
    details.append(
      make("dt", {}, place
        ? make("button", { type: "button", class: "link", title: "Show in the request", onclick: () => select(body, place) }, code)
        : code),
      make("dd", {}, messages.join("; ")));
  }
  if (problem.index !== undefined) add("index", String(problem.index));
  if (problem.id) add("id", problem.id);
  if (problem.suggestions?.length) add("did you mean", problem.suggestions.join(", "));
  if (problem.traceId) add("trace", make("code", {}, problem.traceId));
  section.replaceChildren(
    make("h3", {}, make("span", { class: "code" }, String(problem.status ?? "!")), " ", problem.title),
    make("p", {}, problem.detail ?? ""),
    details);
  section.hidden = false;
}

function select(textarea, [start, end]) {
  textarea.blur();
  textarea.setSelectionRange(start, end);

  // A field that gets the focus scrolls to its selection.
  textarea.focus();
}
