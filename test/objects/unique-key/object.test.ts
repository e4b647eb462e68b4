/** A unique key: owned by one job at a time, and never by a job that has finished or does not exist. */

import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { Submission } from "../../../src/core/job.ts";
import { DAY, MINUTE } from "../../../src/core/time.ts";
import { randomId } from "../../../src/lib/id.ts";
import type { SubmitAnswer } from "../../../src/rpc/job.ts";
import { uniqueKeyObject } from "../../../src/rpc/unique-key.ts";
import { absentJobId } from "../../support/job-namespace.ts";
import {
  alarmOf,
  hold,
  newObject,
  nothing,
  policy,
  stubOf,
  submission,
  submitTo,
  TENANT,
} from "../../support/objects.ts";

const uniqueAt = (name: string): Partial<Submission> => ({ uniqueKeys: [{ rule: "unique_key", name }] });

function submit(
  changes: Partial<Submission>,
  onConflict: "use_existing" | "reject" = "use_existing",
): Promise<SubmitAnswer> {
  return submitTo(newObject(), submission(changes), onConflict);
}

function idOf(answer: SubmitAnswer): string {
  if ("job" in answer) return answer.job.id;
  throw new Error(`no job in ${answer.kind}`);
}

test("unique key: owned by a job → the next submission gets that job, or is rejected", async () => {
  const uniqueKey = uniqueAt(randomId("key"));
  const first = await submit(uniqueKey);
  expect(first.kind).toBe("accepted");
  const second = await submit(uniqueKey);
  expect(second).toMatchObject({ kind: "existing", deduplicated: "unique_key", job: { id: idOf(first) } });
  expect(await submit(uniqueKey, "reject")).toEqual({ kind: "duplicate", jobId: idOf(first) });
});

test.each([
  ["succeeds", { type: "succeed", result: null } as const],
  [
    "fails",
    {
      type: "fail",
      failure: { kind: "not_found", code: "x", message: "x", retryAfterMs: null, reference: "r" },
    } as const,
  ],
])("is free when its job %s", async (_, outcome) => {
  const uniqueKey = uniqueAt(randomId("key"));
  const job = hold(idOf(await submit(uniqueKey)));
  await job.api().start(1, 0, "lease");
  await job.api().finish("lease", nothing, outcome);
  expect((await submit(uniqueKey)).kind).toBe("accepted");
});

test("unique key: owner cancelled or deleted → free", async () => {
  const uniqueKey = uniqueAt(randomId("key"));
  const job = hold(idOf(await submit(uniqueKey)));
  await job.api().cancel(null, null);
  const next = await submit(uniqueKey);
  expect(next.kind).toBe("accepted");
  await hold(idOf(next)).api().cancel(null, null);
  await hold(idOf(next)).api().delete();
  expect((await submit(uniqueKey)).kind).toBe("accepted");
});

test("unique key: claimed for a job that was never stored → the next job takes it", async () => {
  const name = randomId("key");
  const uniqueKey = uniqueKeyObject(env, { tenant: TENANT, type: "test.simulate" }, name);
  expect(await uniqueKey.claim({ tenant: TENANT, name }, absentJobId())).toEqual({
    ok: true,
  });
  expect((await submit(uniqueAt(name))).kind).toBe("accepted");
});

test("unique key: fifty submissions at once → one owner", async () => {
  const uniqueKey = uniqueAt(randomId("key"));
  const answers = await Promise.all(Array.from({ length: 50 }, () => submit(uniqueKey)));
  expect(answers.filter(({ kind }) => kind === "accepted")).toHaveLength(1);
  expect(new Set(answers.map(idOf)).size).toBe(1);
});

test("unique key: its object and its owner evicted → still owned", async () => {
  const name = randomId("key");
  const first = idOf(await submit(uniqueAt(name)));
  await evictDurableObject(hold(first).stub);
  await evictDurableObject(
    env.UNIQUE_KEYS.getByName(`${TENANT}/test.simulate/${name}`) as unknown as DurableObjectStub,
  );
  expect(idOf(await submit(uniqueAt(name)))).toBe(first);
});

test("idempotency key: answered with an existing job → same answer after that job has finished", async () => {
  const uniqueKey = uniqueAt(randomId("key"));
  const ownerJobId = hold(idOf(await submit(uniqueKey)));
  const key = newObject();
  const keyed = submission({ ...uniqueKey, fingerprint: "print" });
  const again = () => submitTo(key, keyed);
  expect(idOf(await again())).toBe(ownerJobId.id);
  await ownerJobId.api().cancel(null, null);
  expect(await again()).toMatchObject({
    kind: "existing",
    deduplicated: "idempotency_key",
    job: { id: ownerJobId.id },
  });
  const other = await submitTo(key, { ...keyed, fingerprint: "other" });
  expect(other).toEqual({ kind: "key_reused" });
  await ownerJobId.api().delete();
  expect(await again()).toMatchObject({ kind: "accepted" });
});

test("idempotency key: two different requests at once, unique key owned → one of them keeps the key", async () => {
  const uniqueKey = uniqueAt(randomId("key"));
  await submit(uniqueKey);
  const key = newObject();
  const [first, second] = await Promise.all(
    ["one", "other"].map((fingerprint) => submitTo(key, submission({ ...uniqueKey, fingerprint }))),
  );
  expect([first?.kind, second?.kind].sort()).toEqual(["existing", "key_reused"]);
});

test("idempotency key: alias of another job → lasts as long as that job", async () => {
  const uniqueKey = uniqueAt(randomId("key"));
  const ownerJobId = hold(
    idOf(await submit({ ...uniqueKey, policy: { ...policy, retentionMs: 1_000 * DAY } })),
  );
  const key = newObject();
  const keyed = submission({ ...uniqueKey, fingerprint: "print" });
  const again = () => submitTo(key, keyed);
  await again();
  await ownerJobId.api().cancel(null, null);
  for (let month = 1; month <= 3; month += 1) await runDurableObjectAlarm(stubOf(key));
  expect(await again()).toMatchObject({
    kind: "existing",
    deduplicated: "idempotency_key",
    job: { id: ownerJobId.id },
  });
  await ownerJobId.api().delete();
  await runDurableObjectAlarm(stubOf(key));
  expect(await alarmOf({ stub: stubOf(key) })).toBeNull();
});

test("dedupe window: equal inputs → one job until the window ends, unless it failed", async () => {
  const name = randomId("request");
  const same = (untilAt: number): Partial<Submission> => ({
    uniqueKeys: [{ rule: "input_hash", name, untilAt }],
    policy,
  });
  const first = hold(idOf(await submit(same(Date.now() + MINUTE))));
  await first.api().start(1, 0, "lease");
  await first.api().finish("lease", nothing, { type: "succeed", result: null });
  expect(await submit(same(Date.now() + MINUTE))).toMatchObject({
    kind: "existing",
    deduplicated: "input_hash",
    job: { id: first.id },
  });

  const failedName = randomId("request");
  const failing = {
    uniqueKeys: [{ rule: "input_hash" as const, name: failedName, untilAt: Date.now() + MINUTE }],
  };
  const second = hold(idOf(await submit(failing)));
  await second.api().cancel(null, null);
  expect((await submit(failing)).kind).toBe("accepted");
});
