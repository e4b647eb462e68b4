/**
 * Whatever is sent, the answer is one of those described: never a 5xx, never a word that was not meant for clients.
 * `call` checks every answer against the ground rules and the OpenAPI document. Every run draws other requests; a
 * failure prints the seed that repeats it.
 */

import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { anything, body, headers, path, query, submission, visible } from "../support/fuzz-requests.ts";
import { type Call, call, freshKey, submit } from "../support/http.ts";
import { keyOf } from "../support/keys.ts";
import { succeed } from "../support/moves.ts";

const RUNS = 400;

let queued = "";
let finished = "";
let key = "";

beforeAll(async () => {
  queued = (await submit({}, { as: "parkedOther" })).job.id;
  finished = (await submit({}, { as: "parkedOther" })).job.id;
  await succeed(finished, { n: 1 }, "parked-other");
  key = await keyOf("parkedOther");
});

const real = (text: string) => text.replaceAll("{queued}", queued).replaceAll("{finished}", finished);

/** Nothing is assumed of the answer, but that it is no failure of ours. */
async function survives(method: string, path: string, options: Call): Promise<void> {
  const { status, text } = await call(method, path, { as: "parkedOther", ...options });
  expect(status, text).toBeLessThan(500);
}

const { constantFrom, oneof, option, record } = fc;

/** Deleting and cancelling are left out where they would take away what the other runs ask for. */
const isHarmless = (method: string, at: string) => !(method === "DELETE" || /cancel|replay/.test(at));

describe("whatever is sent", () => {
  test("as a submission is accepted or refused with good reason", async () => {
    await fc.assert(
      fc.asyncProperty(body, option(visible, { nil: null }), async (sent, idempotencyKey) => {
        const given = idempotencyKey === null ? {} : { "Idempotency-Key": idempotencyKey };
        await survives("POST", "/v1/jobs", {
          body: sent,
          headers: { "Content-Type": "application/json", ...given },
        });
      }),
      { numRuns: RUNS },
    );
  }, 30_000);

  test("as a submission with a key is answered alike when it is sent again", async () => {
    await fc.assert(
      fc.asyncProperty(submission, async (value) => {
        const options = {
          as: "parkedOther",
          json: value,
          headers: { "Idempotency-Key": freshKey() },
        } as const;
        const first = await call("POST", "/v1/jobs", options);
        const second = await call("POST", "/v1/jobs", options);
        expect(first.status, first.text).toBeLessThan(500);
        expect([second.status, second.job?.id]).toEqual([first.status, first.job?.id]);
      }),
      { numRuns: RUNS / 2 },
    );
  }, 30_000);

  test("as headers is understood or refused with good reason", async () => {
    const asked = constantFrom<[string, string]>(
      ["GET", "/v1/jobs/{queued}"],
      ["HEAD", "/v1/jobs/{finished}"],
      ["GET", "/v1/jobs/{finished}/events"],
      ["GET", "/v1/jobs/{finished}/result"],
      ["POST", "/v1/jobs"],
      ["POST", "/v1/jobs/{finished}/cancel"],
      ["POST", "/v1/jobs/{finished}/replay"],
      ["OPTIONS", "/v1/jobs"],
    );
    await fc.assert(
      fc.asyncProperty(asked, headers, async ([method, at], given) => {
        const options = method === "POST" ? { json: { type: "test.simulate", input: {} } } : {};
        await survives(method, real(at), { ...options, headers: given });
      }),
      { numRuns: RUNS },
    );
  }, 30_000);

  test("as a path, a query and a method leads somewhere or nowhere", async () => {
    const method = constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS");
    await fc.assert(
      fc.asyncProperty(method, path, query, headers, async (how, where, asked, given) => {
        fc.pre(isHarmless(how, where));
        await survives(how, real(where) + asked, { headers: given });
      }),
      { numRuns: RUNS },
    );
  }, 30_000);

  test("as a body of a cancellation or a replay is accepted or refused with good reason", async () => {
    const action = constantFrom("cancel", "replay");
    const sent = oneof(
      body,
      record({ reason: anything }).map((value) => JSON.stringify(value)),
    );
    await fc.assert(
      fc.asyncProperty(action, sent, headers, async (what, text, given) => {
        const type: [string, string] = ["Content-Type", "application/json"];
        const options = { body: text, headers: [type, ...given.filter(([name]) => name !== type[0])] };
        await survives("POST", `/v1/jobs/${finished}/${what}`, options);
      }),
      { numRuns: RUNS / 2 },
    );
  }, 30_000);

  test("as a key gives 401", async () => {
    const almost = fc.tuple(fc.nat(), visible).map(([at, text]) => {
      const cut = at % key.length;
      return key.slice(0, cut) + text + key.slice(cut + 1);
    });
    await fc.assert(
      fc.asyncProperty(oneof(visible, almost, fc.base64String()), async (token) => {
        fc.pre(token.trim() !== key);
        const Authorization = `Bearer ${token}`;
        const answer = await call("GET", `/v1/jobs/${queued}`, {
          as: null,
          headers: { Authorization, "CF-Connecting-IP": crypto.randomUUID() },
        });
        expect(answer.status).toBe(401);
      }),
      { numRuns: RUNS / 2 },
    );
  }, 30_000);
});
