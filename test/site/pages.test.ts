/** The pages for everybody, as they go out: what they say, under which headers, and that nothing in them is inline. */

import { describe, expect, test } from "vitest";
import { problemKinds } from "../../src/api/problems.ts";
import { call, ORIGIN, openApi, refusal } from "../support/http.ts";

const get = (path: string) => call("GET", path, { as: null });
const pages = ["/", "/docs", ...Object.keys(problemKinds).map((code) => `/problems/${code}`)];

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
];

describe.each(pages)("%s", (path) => {
  test("goes out as HTML that may load only what is this service's own, and that no page may frame", async () => {
    const { status, headers, text } = await get(path);
    expect([status, headers.get("Content-Type")]).toEqual([200, "text/html; charset=UTF-8"]);
    expect(headers.get("Content-Security-Policy")?.split("; ")).toEqual(POLICY);
    expect(headers.get("X-Frame-Options")).toBe("DENY");
    expect(headers.get("Referrer-Policy")).toBe("same-origin");
    expect(headers.get("Cache-Control")).toBe("public, max-age=60");
    expect(text).not.toMatch(/<style|<script[^>]*>[^<]|\s(?:style|on\w+)=/);
    for (const [, source] of text.matchAll(/<(?:script|link)\b[^>]*?(?:src|href)="([^"]+)"/g)) {
      expect(source).toMatch(/^\/assets\//);
    }
  });

  test("has a title, one heading, a language, a way past the navigation, and one main part", async () => {
    const { text } = await get(path);
    expect(text).toMatch(/^<!doctype html><html lang="en">/);
    expect(text).toMatch(/<title>[^<]+<\/title>/);
    expect(text.match(/<h1\b/g)).toHaveLength(1);
    expect(text.match(/<main\b/g)).toHaveLength(1);
    expect(text).toMatch(/<body[^>]*><a class="skip" href="#main">/);
  });

  test("answers HEAD in the same way, and 405 to what would change it", async () => {
    const [asked, head] = [await get(path), await call("HEAD", path, { as: null })];
    expect([head.status, head.text]).toEqual([200, ""]);
    expect(head.headers.get("Content-Security-Policy")).toBe(asked.headers.get("Content-Security-Policy"));
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      const answer = await call(method, path, { as: null });
      expect(refusal(answer)).toEqual([405, "method_not_allowed"]);
      expect(answer.headers.get("Allow")).toBe("GET, HEAD");
    }
  });
});

describe("the first page", () => {
  test("leads to the dashboard, the reference, the document and health", async () => {
    const { text } = await get("/");
    const links = [...text.matchAll(/<a\b[^>]*href="([^"]+)"/g)].map(([, href]) => href);
    expect(links).toEqual(expect.arrayContaining(["/dashboard", "/docs", "/openapi.json", "/v1/health"]));
  });

  test("shows a first request that is accepted as it stands there", async () => {
    const { text } = await get("/");
    const [, url, body] = /curl -i (\S+) [\s\S]*?-d &#39;(.*?)&#39;/.exec(text) ?? [];
    expect(url).toBe(`${ORIGIN}/v1/jobs`);
    const json = JSON.parse(body?.replaceAll("&quot;", '"') ?? "");
    expect((await call("POST", "/v1/jobs", { json })).status).toBe(202);
  });
});

describe("the reference, without scripts,", () => {
  test("lists every operation and leads to the document", async () => {
    const { text } = await get("/docs");
    const [, aside = ""] = /<noscript>(.*)<\/noscript>/s.exec(text) ?? [];
    expect(aside).toContain('href="/openapi.json"');
    const operations = Object.entries((await openApi()).paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `<code>${method.toUpperCase()} ${path}</code>`),
    );
    expect(operations.length).toBeGreaterThan(15);
    for (const operation of operations) expect(aside).toContain(operation);
  });
});
