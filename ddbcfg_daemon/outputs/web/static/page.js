// Keeps the page up to date: fetches it every few seconds and exchanges its live part.
"use strict";

const EVERY = 5000; // milliseconds
const PATIENCE = 10000;
let since = null; // when the daemon was first missed

function states(root) {
  const found = new Map();
  for (const store of root.querySelectorAll(".store")) found.set(store.dataset.key, store.dataset);
  return found;
}

function exchange(next) {
  const live = document.getElementById("live");
  const fresh = next.getElementById("live");
  const before = states(live);
  const news = [];
  for (const store of fresh.querySelectorAll(".store")) {
    const old = before.get(store.dataset.key);
    if (!old) continue;
    if (old.state !== store.dataset.state) news.push(`${store.dataset.key} is ${store.dataset.state}`);
    else if (old.generation !== store.dataset.generation)
      news.push(`${store.dataset.key} has generation ${store.dataset.generation}`);
    else continue;
    store.classList.add("new");
  }
  // What a person opened stays open, and the keyboard's place stays.
  const focused = document.activeElement?.closest("#live details")?.id;
  for (const open of live.querySelectorAll("details[open]"))
    fresh.querySelectorAll("details").forEach((one) => { if (one.id === open.id) one.open = true; });
  live.replaceChildren(...fresh.childNodes);
  if (focused) document.getElementById(focused)?.querySelector("summary").focus();
  document.querySelector(".clock time").replaceWith(next.querySelector(".clock time"));
  document.title = next.title;
  if (news.length) document.getElementById("announce").textContent = news.join("; ");
}

async function refresh() {
  try {
    const response = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    if (!response.ok) throw new Error(response.statusText);
    exchange(new DOMParser().parseFromString(await response.text(), "text/html"));
    since = null;
    document.getElementById("lost").textContent = "";
  } catch {
    if (!since) {
      since = new Date();
      document.getElementById("lost").textContent =
        `· no response from the daemon since ${since.toLocaleTimeString()}`;
    }
  }
  document.body.classList.toggle("lost", since !== null);
}

async function run() {
  for (;;) {
    await new Promise((done) => setTimeout(done, EVERY));
    if (!document.hidden) await refresh();
  }
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
run();
