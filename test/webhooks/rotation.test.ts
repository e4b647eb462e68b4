/** A tenant rotates its webhook secret: both secrets verify during the overlap, then only the new one. */

import { Webhook } from "standardwebhooks";
import { afterEach, expect, test, vi } from "vitest";
import {
  consume,
  messageFor,
  playReceiver,
  type Received,
  SECRET,
  succeededJob,
} from "../support/deliveries.ts";
import { call, callWith, refusal } from "../support/http.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

type SecretJson = { secret: string; previous_expires_at: string | null };

const MINUTE = 60_000;

/** Of a deployment with the secret that the messages of these tests are signed with. */
const ask = (method: string, path: string, json?: object) =>
  callWith({ WEBHOOK_SECRET: SECRET }, method, path, json === undefined ? {} : { json });

async function secretNow(): Promise<SecretJson> {
  return (await ask("GET", "/v1/webhook-secret")).body.data as SecretJson;
}

async function received(): Promise<Received> {
  const messages = playReceiver(() => new Response());
  await consume([await messageFor(await succeededJob())]);
  vi.restoreAllMocks();
  return messages[0] ?? expect.fail("Nothing was delivered.");
}

/** Whether a receiver with this secret accepts the message. */
function accepts(secret: string, { body, headers }: Received): boolean {
  try {
    new Webhook(secret).verify(body, Object.fromEntries(headers));
    return true;
  } catch {
    return false;
  }
}

test("rotated with an overlap → old and new verify until it ends, then the new one alone", async () => {
  const old = await secretNow();
  expect(old.previous_expires_at).toBeNull();
  const rotated = await ask("POST", "/v1/webhook-secret/rotate", { overlap_ms: MINUTE });
  expect(rotated.status).toBe(200);
  const next = rotated.body.data as SecretJson;
  expect(next.secret).not.toBe(old.secret);
  expect(Date.parse(next.previous_expires_at ?? "")).toBeGreaterThan(Date.now());
  expect(await secretNow()).toEqual(next);
  const during = await received();
  expect([accepts(old.secret, during), accepts(next.secret, during)]).toEqual([true, true]);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + MINUTE });
  const after = await received();
  expect([accepts(old.secret, after), accepts(next.secret, after)]).toEqual([false, true]);
  expect(await secretNow()).toEqual({ secret: next.secret, previous_expires_at: null });
});

test("rotated without an overlap → the old secret verifies nothing any more", async () => {
  const old = await secretNow();
  const rotated = await ask("POST", "/v1/webhook-secret/rotate", { overlap_ms: 0 });
  const { secret, previous_expires_at } = rotated.body.data as SecretJson;
  expect(previous_expires_at).toBeNull();
  const message = await received();
  expect([accepts(old.secret, message), accepts(secret, message)]).toEqual([false, true]);
});

test("another tenant's secret → unchanged; a key without keys:write → 403; an overlap of more than 30 days → 422", async () => {
  const theirs = async () => (await call("GET", "/v1/webhook-secret", { as: "globex" })).body.data;
  const before = await theirs();
  await ask("POST", "/v1/webhook-secret/rotate", {});
  expect(await theirs()).toEqual(before);
  const path = "/v1/webhook-secret/rotate";
  expect(refusal(await call("POST", path, { as: "parkedWriter", json: {} }))).toEqual([403, "forbidden"]);
  const long = await ask("POST", path, { overlap_ms: 30 * 24 * 60 * MINUTE + 1 });
  expect(long.problem.errors?.map(({ pointer }) => pointer)).toEqual(["#/overlap_ms"]);
});
