/** Contract 4: the same work is not done twice, by key or by place. */

import { claim, equal } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import { type Client, dataOf, jobOf, problemOf } from "../client.ts";
import type { Deployment } from "../deployment.ts";
import { isFinished, type Job } from "../shapes.ts";

const freshKey = () => `conformance-${crypto.randomUUID()}`;
const later = () => new Date(Date.now() + 3_600_000).toISOString();

/** A simulated job that waits, as text, so that its spelling can vary. */
const waiting = () => ({ type: "test.simulate", input: { duration_ms: 1 }, run_at: later() });

const post = (client: Client, json: unknown, key: string) =>
  client.call("POST", "/v1/jobs", { json, headers: { "Idempotency-Key": key } });

async function spellings({ mine }: Deployment): Promise<void> {
  const key = freshKey();
  const request = waiting();
  const { id } = jobOf(await post(mine, request, key), 202);
  for (const spelling of [`"${key}"`, `"${key}";v=1`, ` ${key} `]) {
    equal(jobOf(await post(mine, request, spelling), 202).id, id, `the job under ${spelling}`);
  }
  const quoted = jobOf(await post(mine, request, `"a key, \\"quoted\\" ${key}"`), 202);
  claim(quoted.id !== id, "another key is the same job");
}

async function badKeys({ mine }: Deployment): Promise<void> {
  const bad = [
    "",
    "two words",
    "a,b",
    '"unclosed',
    '""',
    "k".repeat(256),
    "kö",
    "?1",
    ":YQ==:",
    '("a")',
    "a/b",
  ];
  for (const key of bad.filter((text) => /^[\x20-\xff]*$/.test(text))) {
    const answer = await post(mine, waiting(), key);
    claim(answer.status === 400, `the key ${JSON.stringify(key)} is answered ${answer.status}`);
    problemOf(answer, 400, "invalid_idempotency_key");
  }
  const twice: [string, string][] = [
    ["Idempotency-Key", freshKey()],
    ["Idempotency-Key", freshKey()],
  ];
  problemOf(
    await mine.call("POST", "/v1/jobs", { json: waiting(), headers: twice }),
    400,
    "invalid_idempotency_key",
  );
  jobOf(await post(mine, waiting(), freshKey().padEnd(255, "k")), 202);
}

async function sameKeyAndRequest({ mine }: Deployment): Promise<void> {
  const key = freshKey();
  const run_at = later();
  const first = await post(mine, { type: "test.simulate", input: { duration_ms: 1, steps: 2 }, run_at }, key);
  claim(!first.headers.has("Idempotent-Replayed"), "the first post is said to be a replay");
  const { id } = jobOf(first, 202);
  const body = `{ "run_at": "${run_at}",\n "input": {"steps": 2.0, "duration_ms": 1e0}, "type": "test.simulate" }`;
  const headers = { "Idempotency-Key": key, "Content-Type": "application/json", Accept: "text/html" };
  const again = await mine.call("POST", "/v1/jobs", { body, headers });
  equal(jobOf(again, 202).id, id, "the job");
  equal(again.headers.get("Idempotent-Replayed"), "true", "Idempotent-Replayed");
}

async function jobAsItIsNow({ mine }: Deployment): Promise<void> {
  const key = freshKey();
  const request = { type: "test.simulate", input: { result: 42 } };
  const { id } = jobOf(await post(mine, request, key), 202);
  const job = await mine.finished(id);
  equal(jobOf(await post(mine, request, key), 202), job, "the job answered to a repetition");
}

async function otherRequest({ mine }: Deployment): Promise<void> {
  const key = freshKey();
  const request = waiting();
  const { id } = jobOf(await post(mine, request, key), 202);
  const others = [
    { ...request, input: { duration_ms: 2 } },
    { ...request, metadata: { a: "b" } },
  ];
  for (const other of others) problemOf(await post(mine, other, key), 422, "idempotency_key_reused");
  equal((await mine.read(id)).status, "queued", "the first job");
}

async function simultaneous({ mine }: Deployment): Promise<void> {
  const key = freshKey();
  const request = { type: "test.simulate", input: { duration_ms: 200 } };
  const answers = await Promise.all(Array.from({ length: 30 }, () => post(mine, request, key)));
  const ids = new Set(answers.map((answer) => jobOf(answer, 202).id));
  equal(ids.size, 1, "the number of jobs");
  const first = answers.filter(({ headers }) => !headers.has("Idempotent-Replayed"));
  equal(first.length, 1, "the number of posts that were not replayed");
  equal((await mine.finished([...ids][0] ?? "")).attempt, 1, "the attempts");
}

async function refusedKeepsNoKey({ mine }: Deployment): Promise<void> {
  const key = freshKey();
  problemOf(await post(mine, { type: "test.simulate", input: { duration_ms: -1 } }, key), 422);
  problemOf(await post(mine, { type: "absent", input: {} }, key), 422);
  const answer = await post(mine, waiting(), key);
  jobOf(answer, 202);
  claim(!answer.headers.has("Idempotent-Replayed"), "a refused request has used its key up");
}

async function keysOfTenants({ mine, theirs }: Deployment): Promise<void> {
  const key = freshKey();
  const request = waiting();
  const [one, other] = [
    jobOf(await post(mine, request, key), 202),
    jobOf(await post(theirs, request, key), 202),
  ];
  claim(one.id !== other.id, "two tenants got one job");
}

async function keyLastsUntilPurged({ mine }: Deployment): Promise<void> {
  const key = freshKey();
  const { id } = jobOf(await post(mine, waiting(), key), 202);
  await mine.cancel(id);
  problemOf(
    await post(mine, { type: "test.simulate", input: { steps: 3 } }, key),
    422,
    "idempotency_key_reused",
  );
  equal((await mine.call("DELETE", `/v1/jobs/${id}`)).status, 204, "the deletion");
  const again = await post(mine, { type: "test.simulate", input: { steps: 3 }, run_at: later() }, key);
  const next = jobOf(again, 202);
  claim(!again.headers.has("Idempotent-Replayed"), "the key outlived its job");
  claim(next.id !== id, "the key made another job of the same id");
  problemOf(await mine.call("GET", `/v1/jobs/${id}`), 404, "not_found");
}

/** A report that waits in its place, and what is sent to want the same place. */
function report({ run }: Deployment, requested_by = crypto.randomUUID()) {
  const input = { dataset: `conformance_${run}`, metrics: [{ op: "count" }], format: "csv", requested_by };
  return { type: "report.export", input, run_at: later() };
}

async function placeIsTaken(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const request = report(deployment);
  const submit = (json: unknown) => mine.call("POST", "/v1/jobs", { json });
  const holder = jobOf(await submit(request), 202);
  const second = await submit(request);
  equal(jobOf(second, 202).id, holder.id, "the job answered for a taken place");
  equal(second.json, { ...(second.json as object), deduplicated: "unique_key" }, "deduplicated");
  const rejected = await submit({ ...request, on_conflict: "reject" });
  equal(problemOf(rejected, 409, "duplicate_job").job_id, holder.id, "job_id");
  const elsewhere = jobOf(await submit(report(deployment)), 202);
  claim(elsewhere.id !== holder.id, "another requester met the same place");
}

async function keyIsReleased(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const request = report(deployment);
  const submit = async (): Promise<Job> => jobOf(await mine.call("POST", "/v1/jobs", { json: request }), 202);
  const first = await submit();
  await mine.cancel(first.id);
  const second = await submit();
  claim(second.id !== first.id, "a cancelled job owns its unique key");
  await mine.cancel(second.id);
  equal((await mine.call("DELETE", `/v1/jobs/${second.id}`)).status, 204, "the deletion");
  const third = await submit();
  claim(third.id !== second.id && !isFinished(third), "a deleted job owns its unique key");
}

async function placeUnderPressure(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const request = report(deployment);
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => mine.call("POST", "/v1/jobs", { json: request })),
  );
  const ids = new Set(answers.map((answer) => dataOf<Job>(answer, 202).id));
  equal(ids.size, 1, "the number of jobs in one place");
}

export const idempotencyChecks: readonly Check[] = [
  check("RFC 9651 3.3.3", "a key is the same quoted, bare and with parameters", spellings),
  check("contract 4.1", "a key that is not acceptable, or two keys, are 400", badKeys),
  check("contract 4.1", "the same key and request: the same job, Idempotent-Replayed", sameKeyAndRequest),
  check("contract 4.1", "a repetition answers the job as it is now", jobAsItIsNow),
  check("contract 4.1", "the same key with another request is 422", otherRequest),
  check("contract 4.1", "30 simultaneous posts with one key make one job", simultaneous),
  check("contract 4.1", "a request refused with a 4xx does not consume its key", refusedKeepsNoKey),
  check("contract 4.1", "a key belongs to its tenant", keysOfTenants),
  check(
    "contract 4.1",
    "a key lasts until its job is purged; then it makes a job of another id",
    keyLastsUntilPurged,
  ),
  check("contract 4.3", "a taken place answers its holder, or 409 if asked to", placeIsTaken),
  check("contract 4.3", "a unique key is released when its job is cancelled or deleted", keyIsReleased),
  check("contract 4.3", "20 simultaneous posts for one place make one job", placeUnderPressure),
];
