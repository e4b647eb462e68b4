/** `GET /v1/jobs` and `GET /v1/stats`: filters, pages, cursors, and whose jobs they are. */

import { describe, expect, test, vi } from "vitest";
import { call, finished, type JobJson, refusal, submit } from "../support/http.ts";
import type { Caller } from "../support/keys.ts";

type Page = { data: JobJson[]; next_cursor: string | null };

async function list(query = "", as: Caller = "parkedOther") {
  const answer = await call("GET", `/v1/jobs${query}`, { as });
  expect(answer.status, answer.text).toBe(200);
  const page = answer.body as unknown as Page;
  return { ...answer, jobs: page.data, ids: page.data.map(({ id }) => id), next: page.next_cursor };
}

/** What distinguishes the jobs of one test from all others of the tenant. */
const own = () => `t${crypto.randomUUID().slice(0, 8)}`;

async function submitMany(count: number, team: string, as: Caller = "parkedOther"): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1)
    ids.push((await submit({ metadata: { team, n: String(n) } }, { as })).job.id);
  await vi.waitFor(
    async () => expect((await list(`?metadata[team]=${team}&limit=100`, as)).ids).toHaveLength(count),
    {
      timeout: 5_000,
    },
  );
  return ids;
}

describe("the list", () => {
  test("needs the scope to read", async () => {
    expect(refusal(await call("GET", "/v1/jobs", { as: "parkedWriter" }))).toEqual([403, "forbidden"]);
    expect(refusal(await call("GET", "/v1/stats", { as: "parkedWriter" }))).toEqual([403, "forbidden"]);
  });
});

describe("query parameters", () => {
  test.each([
    ["limit=0"],
    ["limit=-1"],
    ["limit=many"],
    ["limit=1.5"],
    ["limit="],
    ["limit=1&limit=2"],
    ["status=done"],
    ["status="],
    ["type="],
    ["created_after=yesterday"],
    ["created_after=2026-11-22"],
    ["created_after=2026-02-30T00:00:00Z"],
    ["created_before=2026-13-40T00:00:00Z"],
    ["created_after=2026-11-22T00:00:00Z&created_after=2026-11-22T00:00:00Z"],
    ["colour=blue"],
    ["Status=queued"],
    ["metadata[]=x"],
    ["metadata[a]=1&metadata[a]=2"],
  ])("%s is refused", async (query) => {
    expect(refusal(await call("GET", `/v1/jobs?${query}`))).toEqual([400, "malformed_request"]);
  });
});

describe("a cursor", () => {
  async function oneOf(team: string) {
    await submitMany(3, team);
    const { next } = await list(`?metadata[team]=${team}&limit=1`);
    if (next === null) throw new Error("there is no next page");
    return next;
  }

  test("is refused when tampered with, cut, of another filter, or of another tenant", async () => {
    const team = own();
    const cursor = await oneOf(team);
    const [at = "", id = "", mark = ""] = cursor.split(".");
    const bad = [
      cursor.slice(0, -1),
      `${cursor}0`,
      ` ${cursor}`,
      cursor.toUpperCase(),
      `0${cursor}`,
      `${at}1.${id}.${mark}`,
      `${at}.${id.slice(0, -1)}${id.endsWith("0") ? "1" : "0"}.${mark}`,
      "",
      "null",
      "../..",
    ];
    for (const text of bad) {
      const query = `?metadata[team]=${team}&cursor=${encodeURIComponent(text)}`;
      expect(refusal(await call("GET", `/v1/jobs${query}`, { as: "parkedOther" })), text).toEqual([
        400,
        "invalid_cursor",
      ]);
    }
    const others: [string, Caller][] = [
      [`?cursor=${cursor}`, "parkedOther"],
      [`?metadata[team]=${team}&status=queued&cursor=${cursor}`, "parkedOther"],
      [`?metadata[team]=${team}&cursor=${cursor}`, "parked"],
    ];
    for (const [query, as] of others)
      expect(refusal(await call("GET", `/v1/jobs${query}`, { as }))).toEqual([400, "invalid_cursor"]);
  });

  test("goes with any limit, and with the filter said in another order", async () => {
    const team = own();
    await submitMany(3, team);
    const { next } = await list(`?status=queued&status=running&metadata[team]=${team}&limit=1`);
    const { ids } = await list(`?metadata[team]=${team}&limit=7&status=running&status=queued&cursor=${next}`);
    expect(ids).toHaveLength(2);
  });
});

describe("sums per hour", () => {
  test("count what became of the jobs", async () => {
    const first = await submit({}, { as: "globex" });
    await finished(first.job.id, "globex");
    const lost = await submit(
      { input: { attempts: [{ outcome: "fail", kind: "not_found" }] } },
      { as: "globex" },
    );
    await finished(lost.job.id, "globex");
    await vi.waitFor(async () => {
      const { body } = await call("GET", "/v1/stats?type=test.simulate", { as: "globex" });
      const rows = body.data as { succeeded: number; failed: number; accepted: number; attempts: number }[];
      const sum = (name: keyof (typeof rows)[number]) => rows.reduce((total, row) => total + row[name], 0);
      expect([sum("accepted"), sum("succeeded"), sum("failed"), sum("attempts")]).toEqual([2, 1, 1, 2]);
    });
    const { body } = await call("GET", "/v1/stats?type=no.such", { as: "globex" });
    expect(body).toEqual({ data: [] });
  });

  test.each([
    ["from=now"],
    ["to=2026-11-22"],
    ["from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z"],
    ["from=2025-01-01T00:00:00Z&to=2026-01-01T00:00:00Z"],
    ["type="],
    ["type=a&type=b"],
    ["hour=3"],
  ])("%s is refused", async (query) => {
    expect(refusal(await call("GET", `/v1/stats?${query}`))).toEqual([400, "malformed_request"]);
  });
});
