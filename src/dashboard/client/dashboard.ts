/**
 * The dashboard's script: keeps pages up to date without moving the focus, and stores a chosen file. Every page
 * works without it.
 */

import { Idiomorph } from "idiomorph";
import { formatRelative } from "../../lib/duration.ts";

/** Events come in bursts; a page is fetched at most this often. */
const REFRESH_EVERY_MS = 500;
/** A failed refresh is retried after this. */
const RETRY_MS = 5_000;
const TICK_MS = 1_000;
/** Without an event for so long the page is fetched: the stream may be dead, or held back by a proxy. */
const SILENCE_MS = 20_000;
/** A page that takes longer counts as one that cannot be fetched. */
const FETCH_TIMEOUT_MS = 10_000;

const EVENT_TYPES = [
  ...["job.queued", "job.started", "job.progress", "job.log", "job.attempt_failed", "job.continued"],
  ...["job.succeeded", "job.failed", "job.cancelled"],
];

function live(): HTMLElement | null {
  return document.querySelector<HTMLElement>("[data-live]");
}

/** Updates the old element to the new one, except what the person has opened or is typing. */
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
  const notice = document.getElementById("announcement");
  if (notice) notice.textContent = text;
}

/** Shows once, at the top of the page, why it is not kept up to date. */
function warn(words: string, way?: string): void {
  const notice = document.getElementById("announcement");
  if (!notice || notice.dataset.shown === words) return;
  notice.className = "notice";
  notice.dataset.shown = words;
  notice.textContent = words;
  if (way) {
    const link = document.createElement("a");
    link.href = location.href;
    link.textContent = way;
    notice.append(" ", link);
  }
  document.querySelector("nav.sections")?.after(notice);
}

function stopWarning(): void {
  const notice = document.getElementById("announcement");
  if (!notice?.dataset.shown) return;
  notice.className = "visually-hidden";
  delete notice.dataset.shown;
  notice.textContent = "";
}

let isOver = false;

/** What is on the page stays to be read. */
function giveUp(words: string, way: string): null {
  isOver = true;
  stop();
  warn(words, way);
  return null;
}

/** The current page; null if it cannot be fetched. */
async function fetchPage(init: RequestInit = {}): Promise<Document | null> {
  const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS);
  const response = await fetch(location.href, { ...init, redirect: "manual", signal });
  if (response.type === "opaqueredirect")
    return giveUp("Your session is over, and this page is no longer kept up to date.", "Sign in again");
  if (response.status === 404)
    return giveUp("What this page shows was deleted, and it is no longer kept up to date.", "Look again");
  const isPage = response.headers.get("Content-Type")?.startsWith("text/html");
  if (!isPage || (!response.ok && response.status !== 422)) return null;
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

let isRefreshing = false;
let isRefreshWanted = false;

/** Brings the live part up to date, and once more if something happened meanwhile. */
async function refresh(): Promise<void> {
  isRefreshWanted = true;
  if (isRefreshing || isOver) return;
  isRefreshing = true;
  try {
    while (isRefreshWanted && !isOver) {
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
  if (isOver || !old) return;
  if (!page || !next) {
    warn("The service cannot be reached. This page is not up to date; it will look again by itself.");
    return retryLater();
  }
  stopWarning();
  const shown = old.dataset.announce;
  document.title = page.title;
  morph(old, next);
  if (next.dataset.announce && next.dataset.announce !== shown) announce(next.dataset.announce);
  keepUp();
}

let source: EventSource | null = null;
let timer: ReturnType<typeof setInterval> | undefined;
let retry: ReturnType<typeof setTimeout> | undefined;

function stop(): void {
  source?.close();
  source = null;
  clearInterval(timer);
  timer = undefined;
  clearTimeout(retry);
}

function retryLater(): void {
  clearTimeout(retry);
  retry = setTimeout(refreshIfSeen, RETRY_MS);
}

/**
 * Keeps the live part up to date by events or by polling. Only in a visible tab, because a browser opens few
 * connections at a time.
 */
function keepUp(): void {
  if (isOver || !isSeen()) return;
  const { events, every } = live()?.dataset ?? {};
  if (events && !source) follow(events);
  if (!events && source) stop();
  if (every && !timer) timer = setInterval(refreshIfSeen, Number(every) * 1_000);
  if (!every) {
    clearInterval(timer);
    timer = undefined;
  }
}

let lastEventAt = 0;

function noteEvent(): void {
  lastEventAt = Date.now();
  void refresh();
}

/**
 * An EventSource reconnects a broken stream by itself, but not a rejected or finished one. Either way the page is
 * fetched, which shows whether the service can be reached.
 */
function follow(url: string): void {
  const stream = new EventSource(url);
  source = stream;
  lastEventAt = Date.now();
  for (const type of EVENT_TYPES) stream.addEventListener(type, noteEvent);
  stream.addEventListener("error", () => {
    if (source !== stream) return;
    if (stream.readyState === EventSource.CONNECTING) return noteEvent();
    source = null;
    retryLater();
  });
}

/** Fetches the page of a stream that is silent. */
function watchSilence(): void {
  if (source && Date.now() - lastEventAt > SILENCE_MS) noteEvent();
}

function isSeen(): boolean {
  return document.visibilityState === "visible";
}

function refreshIfSeen(): void {
  if (isSeen()) void refresh();
}

/** Catches up when the tab becomes visible. */
function onVisibility(): void {
  const { events, every } = live()?.dataset ?? {};
  if (!isSeen()) stop();
  else if (events || every) void refresh();
}

/** "3 minutes ago" grows old. */
function tick(): void {
  watchSilence();
  for (const element of document.querySelectorAll<HTMLElement>("[data-relative]")) {
    const words = formatRelative(Date.parse(element.dataset.relative ?? ""), Date.now());
    if (element.textContent !== words) element.textContent = words;
  }
}

/** Stores a file as soon as it is chosen. */
function uploadWhenChosen(input: HTMLInputElement): void {
  const upload = document.querySelector<HTMLButtonElement>("#upload");
  input.addEventListener("change", () => {
    if (input.files?.length) input.form?.requestSubmit(upload);
  });
}

document.body.classList.add("scripted");
document.querySelector<HTMLElement>("[autofocus]")?.focus();
for (const input of document.querySelectorAll<HTMLInputElement>("[data-upload]")) uploadWhenChosen(input);
document.addEventListener("visibilitychange", onVisibility);
setInterval(tick, TICK_MS);
keepUp();
