/** Visits the dashboard as a browser without scripts does: cookies kept, forms sent from its own pages. */

import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { createApp } from "../../src/app.ts";
import type { Env } from "../../src/env.ts";
import { jobTypes } from "../../src/job-types/index.ts";
import { testJobTypes } from "../support/job-types.ts";
import { type Caller, keyOf } from "../support/keys.ts";

export const ORIGIN = "https://accepted.test";

/** What a browser says of a form that one of our own pages sent. */
const OWN_PAGE = { Origin: ORIGIN, "Sec-Fetch-Site": "same-origin" };

export type Fields = Record<string, string> | [string, string][] | FormData;
type Bindings = Partial<Record<keyof Env, unknown>>;
export type Page = { status: number; headers: Headers; text: string };

export type Visit = {
  cookie?: string;
  headers?: Record<string, string>;
  /** Bindings other than the test's own: broken ones, for example. */
  bindings?: Bindings;
  origin?: string;
};

/** One request, redirects not followed. */
export async function visit(
  method: string,
  path: string,
  options: Visit & { body?: BodyInit } = {},
): Promise<Page> {
  const { cookie, headers, bindings, body, origin = ORIGIN } = options;
  const app = createApp(new Map([...jobTypes, ...testJobTypes]));
  const request = new Request(origin + path, {
    method,
    redirect: "manual",
    headers: { ...(cookie && { Cookie: cookie }), ...headers },
    ...(body !== undefined && { body }),
  });
  const answer = await app.fetch(request, { ...env, ...bindings } as Env, createExecutionContext());
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

/** A page. */
export function open(path: string, options: Visit = {}): Promise<Page> {
  return visit("GET", path, options);
}

/** A form of one of our own pages. Plain fields go as a simple form does, FormData as one that can hold files. */
export function send(path: string, fields: Fields, { headers, ...options }: Visit = {}): Promise<Page> {
  const body = fields instanceof FormData ? fields : new URLSearchParams(fields);
  return visit("POST", path, { ...options, headers: { ...OWN_PAGE, ...headers }, body });
}

/** The cookie of a session signed in with the caller's key. */
export async function signIn(caller: Caller = "parked", options: Visit = {}): Promise<string> {
  const page = await send("/dashboard/sign-in", { key: await keyOf(caller) }, options);
  expect(page.status, page.text).toBe(303);
  return cookieOf(page);
}

/** The pair that a browser sends back of the cookie that was set. */
export function cookieOf({ headers }: Page): string {
  return headers.get("Set-Cookie")?.split(";")[0] ?? "";
}

/** What the page that a form leads to will say once. */
export function noticeOf({ headers }: Page): string | undefined {
  return /__Secure-accepted_notice=(\w+)/.exec(headers.get("Set-Cookie") ?? "")?.[1];
}

/** The fields of the page's form whose action ends so, as a browser would send them untouched. */
export function fieldsOf({ text }: Page, action: string): [string, string][] {
  const form = [...text.matchAll(/<form[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/g)].find(([, to]) =>
    to?.endsWith(action),
  );
  expect(form, `a form for ${action}`).toBeDefined();
  return [...(form?.[2] ?? "").matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(
    ([, name = "", value = ""]) => [plain(name), plain(value)],
  );
}

function plain(text: string): string {
  return text
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

/** The text of a page without its markup and its isolates. */
export function words(html: string): string {
  return html
    .replace(/<[^>]+>/g, " ")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replace(/[\u2068\u2069]/g, "")
    .replace(/\s+/g, " ");
}
