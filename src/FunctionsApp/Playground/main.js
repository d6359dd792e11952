"use strict";
// Puts the page together: the links, the tabs, the key, the catalog.

const catalog = { operations: [] };
const panels = new Map(patterns.map((pattern) => [pattern.name, new Panel(pattern, catalog)]));
const tasks = new TasksPanel({ get operations() { return [...PATTERN_TASKS, ...catalog.operations]; } });
panels.set("tasks", tasks);
panels.get("callback").onTask = (task) => tasks.follow(task);
document.getElementById("panels").append(...[...panels.values()].map(({ root }) => root));

// The address of the repository is known to a build of a clone that has a remote.
const repository = document.querySelector("meta[name=repository]").content;
for (const link of document.querySelectorAll("a[data-repository]")) {
  link.href = `${repository}/${link.dataset.repository}`;
  link.hidden = !repository;
}
for (const link of document.querySelectorAll("a[data-function]")) {
  link.href = api.url(link.dataset.function);
  link.addEventListener("click", async (event) => {
    // A link cannot send the key.
    if (!api.key) return;
    event.preventDefault();
    open(URL.createObjectURL(await (await api.send(link.dataset.function)).blob()));
  });
}

// Tabs after the ARIA practices: one of them is a stop for the tab key, arrows go on from there.
const tabs = [...document.querySelectorAll("[role=tab]")];

function show(name, isFocused = false) {
  for (const tab of tabs) {
    const isShown = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", String(isShown));
    tab.tabIndex = isShown ? 0 : -1;
    if (isShown) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (isShown && isFocused) tab.focus();
  }
  for (const [key, { root }] of panels) root.hidden = key !== name;
  if (location.hash !== `#${name}`) history.replaceState(null, "", `#${name}`);
  shown = panels.get(name);
  shown.open();
  if (isReady) shown.start();
}

let shown;
let isReady = false;
const tabOf = (hash) => (panels.has(hash.slice(1)) ? hash.slice(1) : "await");
for (const tab of tabs) tab.addEventListener("click", () => show(tab.id.slice(4)));
document.querySelector("[role=tablist]").addEventListener("keydown", (event) => {
  const at = tabs.indexOf(document.activeElement);
  const to = { ArrowRight: (at + 1) % tabs.length, ArrowLeft: (at + tabs.length - 1) % tabs.length, Home: 0, End: tabs.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  show(tabs[to].id.slice(4), true);
});
addEventListener("hashchange", () => show(tabOf(location.hash)));
show(tabOf(location.hash));

const keyForm = document.getElementById("key");
const keyField = document.getElementById("key-value");
api.onKeyNeeded = () => {
  keyForm.hidden = false;
  keyField.setAttribute("aria-invalid", String(Boolean(api.key)));
  keyField.focus();
};
keyForm.addEventListener("submit", (event) => {
  event.preventDefault();
  api.key = keyField.value.trim();
  load();
});

/** Reads the catalog. Its status also shows whether a key is required. */
async function load() {
  let isKeyNeeded = false;
  try {
    const response = await api.send("operations");
    catalog.operations = parseJson(await response.text()).operations;
    keyForm.hidden = true;
    for (const panel of panels.values()) {
      panel.fillOperations();
      if (panel.isOpen) panel.edited();
    }
  } catch (error) {
    isKeyNeeded = error.problem?.status === 401;
    if (!isKeyNeeded) console.warn("The list of operations cannot be read:", error.message);
  }
  if (!isKeyNeeded) {
    isReady = true;
    shown.start();
    await tasks.restore();
  }
  document.documentElement.dataset.ready = "";
}
load();
