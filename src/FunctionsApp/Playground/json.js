"use strict";
// JSON as text: the page shows it as it was sent, digit for digit. JSON.parse would round 64-bit integers.

const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g;

/** Parses JSON; integers too long for a number keep their digits, where the browser can. */
function parseJson(text) {
  return JSON.parse(text, (_, value, context) =>
    typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) && context?.source && JSON.rawJSON
      ? JSON.rawJSON(context.source)
      : value);
}

/** Lays JSON text out: a value that fits a line stays on one. Returns the lines. */
function formatJson(text, width = 74) {
  const tokens = text.match(TOKEN) ?? [];

  // For each bracket its partner, and up to each token the characters so far: they show which values fit.
  const partner = new Map();
  const open = [];
  const sums = [0];
  tokens.forEach((token, i) => {
    sums.push(sums[i] + token.length + (token === "," || token === ":" ? 1 : 0));
    if (token === "{" || token === "[") open.push(i);
    if (token === "}" || token === "]") partner.set(open.pop(), i);
  });

  const lines = [];
  let line = "";
  let indent = "";
  const next = () => {
    lines.push(line);
    line = indent;
  };
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    if (token === "{" || token === "[") {
      const end = partner.get(i) ?? i;
      if (line.length + sums[end + 1] - sums[i] <= width || end === i + 1) {
        for (; i <= end; i++) line += spaced(tokens[i]);
        i--;
      } else {
        line += token;
        indent += "  ";
        next();
      }
    } else if (token === "}" || token === "]") {
      indent = indent.slice(2);
      next();
      line += token;
    } else if (token === ",") {
      line += token;
      next();
    } else {
      line += spaced(token);
    }
  }
  lines.push(line);
  return lines;
}

function spaced(token) {
  return token === "," || token === ":" ? token + " " : token;
}

/** Where in a JSON text the value is that a JSON pointer (RFC 6901) names: [start, end], or null. */
function locate(text, pointer) {
  const tokens = [...text.matchAll(TOKEN)];
  const is = (i, token) => tokens[i]?.[0] === token;
  const after = (i) => {
    let depth = 0;
    do {
      if (is(i, "{") || is(i, "[")) depth++;
      if (is(i, "}") || is(i, "]")) depth--;
      i++;
    } while (depth > 0 && i < tokens.length);
    return i;
  };
  let at = 0;
  for (const part of pointer.split("/").slice(1)) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    const isObject = is(at, "{");
    if (!isObject && !is(at, "[")) return null;
    let i = at + 1;
    for (let index = 0; ; index++) {
      if (i >= tokens.length || is(i, "}") || is(i, "]")) return null;
      const value = isObject ? i + 2 : i;
      if (isObject ? JSON.parse(tokens[i][0]) === name : String(index) === name) {
        at = value;
        break;
      }
      i = after(value);
      if (is(i, ",")) i++;
    }
  }
  const last = tokens[after(at) - 1];
  return last ? [tokens[at].index, last.index + last[0].length] : null;
}

function formatMs(ms) {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

function formatCount(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
