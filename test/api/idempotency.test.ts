import { evictDurableObject } from "cloudflare:test";
import { describe, expect, test, vi } from "vitest";
import { type Answer, call, finished, freshKey, jobNow, refusal, submit } from "../support/http.ts";
import { fail } from "../support/moves.ts";
import { hold } from "../support/objects.ts";
import { parkedFor } from "../support/parked.ts";

const withKey = (key: string) => ({ headers: { "Idempotency-Key": key } });
const isReplayed = ({ headers }: Answer) => headers.get("Idempotent-Replayed");

/** Posts text as JSON with a key. */
const postText = (key: string, body: string) =>
  call("POST", "/v1/jobs", { body, headers: { "Content-Type": "application/json", "Idempotency-Key": key } });

describe("a request repeated with its key", () => {
  test("is the same request in another order of keys, with white space and other escapes", async () => {
    const key = freshKey();
    const first = await postText(
      key,
      '{"type":"test.simulate","input":{"steps":2,"result":{"a":1.0,"b":"é"}}}',
    );
    const body = ' { "input" : {"result":{"b":"\\u00e9", "a":1e0}, "steps":\n2} , "type":"test.simulate" } ';
    const second = await postText(key, body);
    expect(second.job.id).toBe(first.job.id);
    expect(isReplayed(second)).toBe("true");
  });

  test("is the same request with other headers", async () => {
    const key = freshKey();
    const first = await submit({}, withKey(key));
    const headers = {
      "Idempotency-Key": key,
      "User-Agent": "another",
      "Content-Type": "Application/JSON; charset=utf-8",
    };
    expect((await submit({}, { headers })).job.id).toBe(first.job.id);
  });

  test.each([
    ["another input", { input: { steps: 3 } }],
    ["a default spelt out", { on_conflict: "use_existing" }],
    ["other metadata", { metadata: { a: "b" } }],
    ["another type", { type: "test.continuations", input: { to: 1 } }],
  ])("with %s is refused", async (_what, other) => {
    const key = freshKey();
    const { job } = await submit({}, withKey(key));
    const second = await call("POST", "/v1/jobs", {
      json: { type: "test.simulate", input: {}, ...other },
      ...withKey(key),
    });
    expect(refusal(second)).toEqual([422, "idempotency_key_reused"]);
    expect(second.text).not.toContain(job.id);
    expect(await jobNow(job.id)).toEqual(job);
  });

  test("by another key of the tenant is the same job", async () => {
    const key = freshKey();
    const one = await submit({}, withKey(key));
    expect((await submit({}, { as: "parkedWriter", ...withKey(key) })).job.id).toBe(one.job.id);
  });

  test.each([
    ["failed", fail],
    ["was cancelled", (id: string) => call("POST", `/v1/jobs/${id}/cancel`)],
  ])("does not run a job again that %s", async (_what, end) => {
    const key = freshKey();
    const { job } = await submit({}, withKey(key));
    await end(job.id);
    const again = await submit({}, withKey(key));
    expect(again.job).toMatchObject({ id: job.id, finished_at: expect.any(String) });
    expect(isReplayed(again)).toBe("true");
  });
});

describe("a key", () => {
  test("outlives its job's object in memory", async () => {
    const key = freshKey();
    const { job } = await submit({}, withKey(key));
    await evictDurableObject(hold(job.id).stub);
    const second = await submit({}, withKey(key));
    expect([second.job.id, isReplayed(second)]).toEqual([job.id, "true"]);
  });
});

describe("posts with one key at the same moment", () => {
  const posts = (count: number, as: "acme" | "parked", key: string) =>
    Promise.all(Array.from({ length: count }, () => submit({}, { as, ...withKey(key) })));

  test("make one job, which one of them is told to have made, and which runs once", async () => {
    const answers = await posts(100, "acme", freshKey());
    const ids = new Set(answers.map(({ job }) => job.id));
    expect(ids.size).toBe(1);
    expect(answers.filter((answer) => isReplayed(answer) === null)).toHaveLength(1);
    const [id = ""] = ids;
    expect(await finished(id)).toMatchObject({ status: "succeeded", attempt: 1 });
    const { body } = await call("GET", `/v1/jobs/${id}/events`, { as: "acme" });
    const types = (body.data as { type: string }[]).map(({ type }) => type);
    for (const once of ["job.queued", "job.started", "job.succeeded"]) {
      expect(types.filter((type) => type === once)).toHaveLength(1);
    }
  });

  test("ring for a worker once", async () => {
    const [first] = await posts(20, "parked", freshKey());
    const later = await submit();
    await vi.waitFor(() => expect(parkedFor(later.job.id)).toHaveLength(1), { timeout: 5_000 });
    expect(parkedFor(first?.job.id ?? "")).toHaveLength(1);
  });

  test("but different requests: one is accepted, the others are refused", async () => {
    const key = freshKey();
    const asked = Array.from({ length: 20 }, (_, n) => ({ type: "test.simulate", input: { steps: n + 1 } }));
    const answers = await Promise.all(
      asked.map((json) => call("POST", "/v1/jobs", { json, ...withKey(key) })),
    );
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    const refused = answers.filter(({ status }) => status !== 202).map(refusal);
    expect(refused).toEqual(Array.from({ length: 19 }, () => [422, "idempotency_key_reused"]));
  });
});

describe("the spelling of a key", () => {
  test("may be bare or quoted, with parameters or without: it is the same key", async () => {
    const key = freshKey();
    const { job } = await submit({}, withKey(key));
    for (const spelt of [
      `"${key}"`,
      `"${key}";a=1`,
      `"${key}"; v="x;y"; flag`,
      `  ${key}  `,
      `  "${key}"  `,
    ]) {
      const again = await submit({}, withKey(spelt));
      expect([again.job.id, isReplayed(again)], spelt).toEqual([job.id, "true"]);
    }
  });

  test("in quotes may have spaces and escapes", async () => {
    const key = freshKey();
    const { job } = await submit({}, withKey(`"my \\"key\\" \\\\ ${key}"`));
    expect(isReplayed(await submit({}, withKey(`"my \\"key\\" \\\\ ${key}";x`)))).toBe("true");
    expect((await submit({}, withKey(`"my key ${key}"`))).job.id).not.toBe(job.id);
  });

  test("tells upper from lower case", async () => {
    const key = freshKey();
    const { job } = await submit({}, withKey(`${key}-a`));
    expect((await submit({}, withKey(`${key}-A`))).job.id).not.toBe(job.id);
  });

  test("may have every character allowed, and 255 of them", async () => {
    const key = `${freshKey()}_-.:~AZaz09`;
    for (const long of [key.padEnd(255, "x"), `"${key.padEnd(255, "y")}"`]) {
      expect(isReplayed(await submit({}, withKey(long)))).toBeNull();
      expect(isReplayed(await submit({}, withKey(long)))).toBe("true");
    }
  });

  test.each([
    ["an empty one", ""],
    ["only white space", "   "],
    ["empty quotes", '""'],
    ["a space", "a b"],
    ["256 characters", "k".repeat(256)],
    ["256 characters in quotes", `"${"k".repeat(256)}"`],
    ["a comma", "a,b"],
    ["a slash", "a/b"],
    ["a semicolon", "a;b=1"],
    ["a quote that is not closed", '"abc'],
    ["a quote within", 'a"b"'],
    ["only a quote", '"'],
    ["something after the quote", '"a" b'],
    ["a wrong escape", '"a\\n"'],
    ["two quoted keys", '"a", "b"'],
    ["a list", '("a")'],
    ["a byte sequence", ":YQ==:"],
    ["a letter beyond ASCII", "clé"],
    ["a letter beyond ASCII in quotes", '"clé"'],
  ])("must not be %s", async (_what, key) => {
    const answer = await call("POST", "/v1/jobs", {
      json: { type: "test.simulate", input: {} },
      ...withKey(key),
    });
    expect(refusal(answer)).toEqual([400, "invalid_idempotency_key"]);
  });
});
