/**
 * What the dashboard's pages do better with a script: they follow what happens and bring themselves up to date without
 * taking the focus away, and the form shows its fields and its curl command while it is filled in. Every page works
 * without this.
 */

import { Idiomorph } from "idiomorph";
import { relativeWords } from "../../lib/duration.ts";

/** Events come in bursts; a page is fetched at most this often. */
const REFRESH_EVERY_MS = 500;
const TICK_MS = 1_000;
const TYPING_PAUSE_MS = 400;

const EVENT_TYPES = [
  ...["job.queued", "job.started", "job.progress", "job.log", "job.attempt_failed", "job.continued"],
  ...["job.succeeded", "job.failed", "job.cancelled"],
];

function live(): HTMLElement | null {
  return document.querySelector<HTMLElement>("[data-live]");
}

/** Makes the old element like the new one, and leaves alone what the person has opened or is about to type. */
function morph(old: Element, next: Element): void {
  Idiomorph.morph(old, next, {
    morphStyle: "outerHTML",
    ignoreActiveValue: true,
    restoreFocus: true,
    callbacks: {
      beforeAttributeUpdated: (name, element) => !(name === "open" && element instanceof HTMLDetailsElement),
    },
  });
}

function announce(text: string): void {
  const place = document.getElementById("announcement");
  if (place) place.textContent = text;
}

/** The page as it is now; null if it cannot be had, or is another page by now: signed out, for example. */
async function fetchPage(init: RequestInit = {}): Promise<Document | null> {
  const response = await fetch(location.href, { ...init, redirect: "manual" });
  const isPage = response.headers.get("Content-Type")?.startsWith("text/html");
  if (response.type === "opaqueredirect") return sessionIsOver();
  if (!isPage || (!response.ok && response.status !== 422)) return null;
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

/** Says so to everybody, where the page began, and leaves what is on it to be read. */
function sessionIsOver(): null {
  stop();
  const place = document.getElementById("announcement");
  if (!place || place.classList.contains("notice")) return null;
  place.className = "notice";
  place.textContent = "Your session is over, and this page is no longer kept up to date. ";
  const link = document.createElement("a");
  link.href = location.href;
  link.textContent = "Sign in again";
  place.append(link);
  document.querySelector("h1")?.before(place);
  return null;
}

let isRefreshing = false;
let isRefreshWanted = false;

/** Brings the live part up to date, and once more if something happened meanwhile. */
async function refresh(): Promise<void> {
  isRefreshWanted = true;
  if (isRefreshing) return;
  isRefreshing = true;
  try {
    while (isRefreshWanted) {
      isRefreshWanted = false;
      await refreshOnce();
      await new Promise((resolve) => setTimeout(resolve, REFRESH_EVERY_MS));
    }
  } finally {
    isRefreshing = false;
  }
}

async function refreshOnce(): Promise<void> {
  const page = await fetchPage().catch(() => null);
  const old = live();
  const next = page?.querySelector<HTMLElement>("[data-live]");
  if (!page || !old || !next) return;
  const said = old.dataset.announce;
  document.title = page.title;
  morph(old, next);
  if (next.dataset.announce && next.dataset.announce !== said) announce(next.dataset.announce);
  keepUp();
}

let source: EventSource | null = null;
let timer: ReturnType<typeof setInterval> | undefined;

function stop(): void {
  source?.close();
  source = null;
  clearInterval(timer);
  timer = undefined;
}

/** Follows as the live part asks for: by events, by looking again every few seconds, or no more. */
function keepUp(): void {
  const { events, every } = live()?.dataset ?? {};
  if (events && !source) follow(events);
  if (!events && source) stop();
  if (every && !timer) timer = setInterval(refreshIfSeen, Number(every) * 1_000);
  if (!every) {
    clearInterval(timer);
    timer = undefined;
  }
}

function follow(url: string): void {
  source = new EventSource(url);
  for (const type of EVENT_TYPES) source.addEventListener(type, () => void refresh());
}

function refreshIfSeen(): void {
  if (document.visibilityState === "visible") void refresh();
}

/** "3 minutes ago" grows old. */
function tick(): void {
  for (const element of document.querySelectorAll<HTMLElement>("[data-relative]")) {
    const words = relativeWords(Date.parse(element.dataset.relative ?? ""), Date.now());
    if (element.textContent !== words) element.textContent = words;
  }
}

/** What the form would send, without the files themselves: their names are enough to show a command. */
function formWithoutFiles(form: HTMLFormElement, action: string): FormData {
  const data = new FormData();
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string") data.append(name, value);
    else if (value.name !== "") data.append(`${name}name`, value.name);
  }
  data.append("do", action);
  return data;
}

/** Asks for the page as the form stands now, and takes over its commands; and its fields, if a choice decides on them. */
async function preview(form: HTMLFormElement, action: "curl" | "reshape"): Promise<void> {
  const page = await fetchPage({ method: "POST", body: formWithoutFiles(form, action) }).catch(() => null);
  for (const id of action === "reshape" ? ["submit-form", "commands"] : ["commands"]) {
    const [old, next] = [document.getElementById(id), page?.getElementById(id)];
    if (old && next) morph(old, next);
  }
}

function enhance(form: HTMLFormElement): void {
  let pause: ReturnType<typeof setTimeout> | undefined;
  form.classList.add("scripted");
  form.addEventListener("input", ({ target }) => {
    clearTimeout(pause);
    const decides = target instanceof HTMLSelectElement && target.dataset.reshape !== undefined;
    pause = setTimeout(() => void preview(form, decides ? "reshape" : "curl"), decides ? 0 : TYPING_PAUSE_MS);
  });
}

document.querySelector<HTMLElement>("[autofocus]")?.focus();
for (const form of document.querySelectorAll<HTMLFormElement>("[data-submit-form]")) enhance(form);
document.addEventListener("visibilitychange", () => {
  if (live()?.dataset.every) refreshIfSeen();
});
setInterval(tick, TICK_MS);
keepUp();
