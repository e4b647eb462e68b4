/**
 * Whatever is sent to the dashboard, the answer is a page or a redirect of it: never a failure of ours, never a word
 * of an exception. Every run draws other requests; a failure prints the seed that repeats it.
 */

import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { anything, headers, submission, visible } from "../support/fuzz-requests.ts";
import { finished, submit } from "../support/http.ts";
import { LATER } from "../support/later.ts";
import { ORIGIN, signIn, visit } from "./visit.ts";

const RUNS = 300;

let cookie = "";
let ids: string[] = [];
beforeAll(async () => {
  cookie = await signIn("acme");
  const scheduled = await submit({ run_at: LATER }, { as: "acme" });
  const ended = await submit({ input: { result: "x" } }, { as: "acme" });
  await finished(ended.job.id);
  ids = [scheduled.job.id, ended.job.id];
});

const { constantFrom, oneof, record, array, tuple, option } = fc;

const paths = oneof(
  {
    weight: 5,
    arbitrary: constantFrom(
      "",
      "/jobs",
      "/bulk",
      "/submit",
      "/submit/test.simulate",
      "/submit/csv.import",
      "/sign-in",
      "/sign-out",
      "/files/file_x",
    ),
  },
  {
    weight: 5,
    arbitrary: tuple(
      constantFrom(0, 1),
      constantFrom("", "/cancel", "/replay", "/events", "/result", "/deliveries/msg_x/redeliver"),
    ).map(([which, rest]) => `/jobs/{${which}}${rest}`),
  },
  { weight: 2, arbitrary: visible.map((text) => `/${encodeURIComponent(text)}`) },
);
const names = oneof(
  constantFrom(
    "status",
    "type",
    "created_after",
    "created_before",
    "metadata",
    "limit",
    "cursor",
    "action",
    "as_of",
    "return_to",
    "why",
    "history",
    "period",
    "after",
    "key",
    "reason",
    "body",
    "do",
    "idempotency_key",
  ),
  visible,
);
const values = oneof(
  visible,
  fc.string({ unit: "binary" }),
  constantFrom("a=b", '"a=b', "2026-11-22T12:00", "cancel", "delete", "submit", "upload"),
);
const pairs = array(tuple(names, values), { maxLength: 6 });

const text = (value: unknown) => (typeof value === "string" ? value : (JSON.stringify(value) ?? ""));
const multipart = array(
  tuple(names, oneof(values, submission.map(text), anything.map(text)), option(visible)),
  { maxLength: 6 },
).map(
  (parts) =>
    `${parts
      .map(
        ([name, value, file]) =>
          `--x\r\nContent-Disposition: form-data; name="${name}"${file === null ? "" : `; filename="${file}"`}\r\n\r\n${value}\r\n`,
      )
      .join("")}--x--\r\n`,
);
const bodies = oneof(
  pairs.map((given) => ({
    type: "application/x-www-form-urlencoded",
    body: new URLSearchParams(given).toString(),
  })),
  multipart.map((body) => ({ type: "multipart/form-data; boundary=x", body })),
  record({ type: visible, body: fc.string() }),
);
const cookies = oneof(
  { weight: 4, arbitrary: constantFrom("{signed in}") },
  visible.map((value) => `__Secure-accepted_session=${encodeURIComponent(value)}`),
);

const PAGE = /^(text\/html|text\/event-stream|application\/octet-stream)/;

async function survives(
  method: string,
  path: string,
  query: string,
  init: { headers: [string, string][]; body?: string; cookie: string },
) {
  const address = `/dashboard${path.replace(/\{(\d)\}/, (_, which) => ids[Number(which)] ?? "")}${query}`;
  const given = Object.fromEntries(
    init.headers.map(([name, value]) => [name, value.replace(/[^\x20-\x7e]/g, "")]),
  );
  const page = await visit(method, address, {
    headers: given,
    cookie: init.cookie === "{signed in}" ? cookie : init.cookie,
    ...(init.body !== undefined && { body: new TextEncoder().encode(init.body) }),
  });
  expect(page.status, `${method} ${address}`).toBeLessThan(500);
  expect(page.text).not.toMatch(/\bat \w+ \(|(Type|Range|Syntax|Reference)Error|\.tsx?:\d/);
  expect(page.headers.get("Content-Security-Policy")).not.toBeNull();
  if (page.text !== "" && page.status !== 405) expect(page.headers.get("Content-Type") ?? "").toMatch(PAGE);
}

test("dashboard: any path, query, headers and cookie → a page or a redirect", async () => {
  await fc.assert(
    fc.asyncProperty(
      constantFrom("GET", "HEAD"),
      paths,
      pairs,
      headers,
      cookies,
      async (method, path, query, given, as) => {
        fc.pre(!path.endsWith("/events"));
        const kept = given.filter(([name]) => name !== "Content-Type");
        await survives(method, path, `?${new URLSearchParams(query)}`, { headers: kept, cookie: as });
      },
    ),
    { numRuns: RUNS },
  );
});

test("dashboard: any form to any route → done, or refused with a page", async () => {
  await fc.assert(
    fc.asyncProperty(
      constantFrom("POST", "POST", "PUT", "DELETE", "PATCH"),
      paths,
      bodies,
      cookies,
      async (method, path, form, as) => {
        fc.pre(path !== "/sign-out");
        const type = form.type.replace(/[^\x20-\x7e]/g, "").trim() || "text/plain";
        const own: [string, string][] = [
          ["Content-Type", type],
          ["Origin", ORIGIN],
          ["Sec-Fetch-Site", "same-origin"],
        ];
        await survives(method, path, "", { headers: own, body: form.body, cookie: as });
      },
    ),
    { numRuns: RUNS },
  );
});
