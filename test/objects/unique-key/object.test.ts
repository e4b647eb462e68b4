/** A unique place: held by one job at a time, and never by a job that has finished or does not exist. */

import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { Submission } from "../../../src/core/job.ts";
import { randomId } from "../../../src/lib/id.ts";
import type { SubmitAnswer } from "../../../src/rpc/job.ts";
import { uniqueKeyObject } from "../../../src/rpc/unique-key.ts";
import { alarmOf, hold, nothing, policy, submission, TENANT } from "../../support/objects.ts";

const uniqueAt = (name: string): Partial<Submission> => ({ uniqueKeys: [{ rule: "unique_key", name }] });

function submit(
  changes: Partial<Submission>,
  onConflict: "use_existing" | "reject" = "use_existing",
): Promise<SubmitAnswer> {
  const asked = submission(changes);
  return hold(asked.id).api().submit(asked, onConflict);
}

function idOf(answer: SubmitAnswer): string {
  if ("job" in answer) return answer.job.id;
  throw new Error(`no job in ${answer.kind}`);
}

test("taken by a job, it answers that job to the next, or refuses it", async () => {
  const place = uniqueAt(randomId("place"));
  const first = await submit(place);
  expect(first.kind).toBe("accepted");
  const second = await submit(place);
  expect(second).toMatchObject({ kind: "existing", deduplicated: "unique_key", job: { id: idOf(first) } });
  expect(await submit(place, "reject")).toEqual({ kind: "duplicate", jobId: idOf(first) });
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
  const place = uniqueAt(randomId("place"));
  const job = hold(idOf(await submit(place)));
  await job.api().start(1, 0, "lease");
  await job.api().finish("lease", nothing, outcome);
  expect((await submit(place)).kind).toBe("accepted");
});

test("is free when its job is cancelled, or deleted", async () => {
  const place = uniqueAt(randomId("place"));
  const job = hold(idOf(await submit(place)));
  await job.api().cancel(null, null);
  const next = await submit(place);
  expect(next.kind).toBe("accepted");
  await hold(idOf(next)).api().cancel(null, null);
  await hold(idOf(next)).api().delete();
  expect((await submit(place)).kind).toBe("accepted");
});

test("claimed for a job that was never stored, it is taken over", async () => {
  const name = randomId("place");
  const place = uniqueKeyObject(env, { tenant: TENANT, type: "test.simulate" }, name);
  expect(await place.claim({ tenant: TENANT, name }, "job_01000000000000000000000000")).toEqual({ ok: true });
  expect((await submit(uniqueAt(name))).kind).toBe("accepted");
});

test("asked for by fifty at once, it is given to one", async () => {
  const place = uniqueAt(randomId("place"));
  const answers = await Promise.all(Array.from({ length: 50 }, () => submit(place)));
  expect(answers.filter(({ kind }) => kind === "accepted")).toHaveLength(1);
  expect(new Set(answers.map(idOf)).size).toBe(1);
});

test("survives the eviction of place and holder", async () => {
  const name = randomId("place");
  const first = idOf(await submit(uniqueAt(name)));
  await evictDurableObject(hold(first).stub);
  await evictDurableObject(
    env.UNIQUE_KEYS.getByName(`${TENANT}/test.simulate/${name}`) as unknown as DurableObjectStub,
  );
  expect(idOf(await submit(uniqueAt(name)))).toBe(first);
});

test("a key that was answered with another's job keeps that answer, also when that job has finished", async () => {
  const place = uniqueAt(randomId("place"));
  const ownerJobId = hold(idOf(await submit(place)));
  const keyed = submission({ ...place, fingerprint: "print" });
  const again = () => hold(keyed.id).api().submit(keyed, "use_existing");
  expect(idOf(await again())).toBe(ownerJobId.id);
  await ownerJobId.api().cancel(null, null);
  expect(await again()).toMatchObject({
    kind: "existing",
    deduplicated: "idempotency_key",
    job: { id: ownerJobId.id },
  });
  const other = await hold(keyed.id)
    .api()
    .submit({ ...keyed, fingerprint: "other" }, "use_existing");
  expect(other).toEqual({ kind: "key_reused" });
  await ownerJobId.api().delete();
  expect(await again()).toMatchObject({ kind: "accepted", job: { id: keyed.id } });
});

test("two requests with one key, at once, while the place is taken: one of them has the key", async () => {
  const place = uniqueAt(randomId("place"));
  await submit(place);
  const keyed = submission({ ...place, fingerprint: "one" });
  const [first, second] = await Promise.all(
    ["one", "other"].map((fingerprint) =>
      hold(keyed.id)
        .api()
        .submit({ ...keyed, fingerprint }, "use_existing"),
    ),
  );
  expect([first?.kind, second?.kind].sort()).toEqual(["existing", "key_reused"]);
});

test("a key that stands for another's job lasts as long as that job", async () => {
  const place = uniqueAt(randomId("place"));
  const ownerJobId = hold(
    idOf(await submit({ ...place, policy: { ...policy, retentionMs: 1_000 * 86_400_000 } })),
  );
  const keyed = submission({ ...place, fingerprint: "print" });
  const again = () => hold(keyed.id).api().submit(keyed, "use_existing");
  await again();
  await ownerJobId.api().cancel(null, null);
  for (let month = 1; month <= 3; month += 1) await runDurableObjectAlarm(hold(keyed.id).stub);
  expect(await again()).toMatchObject({
    kind: "existing",
    deduplicated: "idempotency_key",
    job: { id: ownerJobId.id },
  });
  await ownerJobId.api().delete();
  await runDurableObjectAlarm(hold(keyed.id).stub);
  expect(await alarmOf(hold(keyed.id))).toBeNull();
});

test("equal requests are one job for their time, unless it failed", async () => {
  const name = randomId("request");
  const same = (untilAt: number): Partial<Submission> => ({
    uniqueKeys: [{ rule: "input_hash", name, untilAt }],
    policy,
  });
  const first = hold(idOf(await submit(same(Date.now() + 60_000))));
  await first.api().start(1, 0, "lease");
  await first.api().finish("lease", nothing, { type: "succeed", result: null });
  expect(await submit(same(Date.now() + 60_000))).toMatchObject({
    kind: "existing",
    deduplicated: "input_hash",
    job: { id: first.id },
  });

  const failedName = randomId("request");
  const failing = {
    uniqueKeys: [{ rule: "input_hash" as const, name: failedName, untilAt: Date.now() + 60_000 }],
  };
  const second = hold(idOf(await submit(failing)));
  await second.api().cancel(null, null);
  expect((await submit(failing)).kind).toBe("accepted");
});
