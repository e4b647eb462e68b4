/** Contract 9, 14 and 15: uploads in parts, queues, declared types and remote workers. */

import { claim, equal, matches, Skipped } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import { type Client, dataOf, problemOf } from "../client.ts";
import type { Deployment } from "../deployment.ts";
import { type Job, TIME } from "../shapes.ts";

type Waiting = { reason: string; limit: string | null; position: number; entered_at: string };
type QueuedJob = Job & { queue: string | null; waiting: Waiting | null };
type Run = {
  job: { id: string; attempt: number; checkpoint: unknown };
  attempt_token: string;
  links: Record<"report" | "checkpoint" | "succeed" | "release" | "acknowledge", string>;
};

const bearing = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

async function scopesOf(client: Client): Promise<string[]> {
  return dataOf<{ scopes: string[] }>(await client.call("GET", "/v1/me"), 200).scopes;
}

/** Gives `act` a queue with these limits, and removes it. */
async function withQueue(
  { mine, run }: Deployment,
  limits: object,
  act: (queue: string) => Promise<void>,
): Promise<void> {
  if (!(await scopesOf(mine)).includes("queues:write")) throw new Skipped("the key may not declare queues");
  const queue = `conformance-${run}-${crypto.randomUUID().slice(0, 4)}`;
  equal(
    (await mine.call("PUT", `/v1/queues/${queue}`, { json: { limits } })).status,
    201,
    "the status of PUT",
  );
  try {
    await act(queue);
  } finally {
    await mine.call("DELETE", `/v1/queues/${queue}`);
  }
}

/** Gives `act` a type that remote workers run, and removes it. */
async function withType({ mine, run }: Deployment, act: (type: string) => Promise<void>): Promise<void> {
  const scopes = await scopesOf(mine);
  if (!scopes.includes("types:write") || !scopes.includes("jobs:work"))
    throw new Skipped("the key may not declare types and claim jobs");
  const type = `conformance-${run}-${crypto.randomUUID().slice(0, 4)}`;
  const json = {
    description: "Made by the conformance suite.",
    example: { n: 1 },
    input_schema: { type: "object", required: ["n"], properties: { n: { type: "integer" } } },
    worker: { mode: "pull" },
  };
  equal((await mine.call("PUT", `/v1/job-types/${type}`, { json })).status, 201, "the status of PUT");
  try {
    await act(type);
  } finally {
    await mine.call("DELETE", `/v1/job-types/${type}`);
  }
}

async function claimOne(client: Client, type: string): Promise<Run> {
  const json = { types: [type], worker: { name: "conformance" } };
  const answer = await client.call("POST", "/v1/claims", { json, headers: { Prefer: "wait=20" } });
  const [run] = dataOf<Run[]>(answer, 200);
  claim(run, "nothing was claimed within 20 s");
  return run;
}

async function oneAtATime(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  await withQueue(deployment, { concurrency: 1 }, async (queue) => {
    const first = await mine.simulate({ duration_ms: 60_000 }, { queue });
    await mine.until(first.id, ({ status }) => status === "running");
    const second = (await mine.simulate({}, { queue })) as QueuedJob;
    const { waiting, status_reason } = (await mine.read(second.id)) as QueuedJob;
    equal(status_reason, "waiting_in_queue", "the reason of the second job");
    equal([waiting?.reason, waiting?.limit, waiting?.position], ["concurrency", "concurrency", 1], "waiting");
    matches(waiting?.entered_at, TIME, "entered_at");
    await mine.cancel(first.id);
    equal((await mine.finished(second.id)).status, "succeeded", "the second job, when the first had ended,");
  });
}

async function backlog(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  await withQueue(deployment, { backlog: 1 }, async (queue) => {
    equal((await mine.call("POST", `/v1/queues/${queue}/pause`)).status, 200, "the status of pause");
    const { id } = (await mine.simulate({}, { queue })) as QueuedJob;
    equal(((await mine.read(id)) as QueuedJob).waiting?.reason, "paused", "why the job waits");
    const refused = await mine.call("POST", "/v1/jobs", {
      json: { type: "test.simulate", input: {}, queue },
    });
    problemOf(refused, 429, "backlog_full");
    claim(Number(refused.headers.get("Retry-After")) > 0, "the refusal has no Retry-After");
    equal((await mine.call("POST", `/v1/queues/${queue}/resume`)).status, 200, "the status of resume");
    equal((await mine.finished(id)).status, "succeeded", "the job, when the queue was resumed,");
  });
}

async function remoteLife(deployment: Deployment): Promise<void> {
  const { mine, anyone } = deployment;
  await withType(deployment, async (type) => {
    problemOf(
      await mine.call("POST", "/v1/jobs", { json: { type, input: { n: "1" } } }),
      422,
      "invalid_request",
    );
    const { id } = await mine.submit(type, { n: 1 });
    const first = await claimOne(mine, type);
    equal([first.job.id, first.job.attempt, first.job.checkpoint], [id, 1, null], "what was claimed");
    const say = (run: Run, method: string, link: keyof Run["links"], json?: unknown) =>
      anyone.call(method, run.links[link], {
        ...bearing(run.attempt_token),
        ...(json !== undefined && { json }),
      });
    equal((await say(first, "PUT", "checkpoint", { checkpoint: { at: 2 } })).status, 200, "the checkpoint");
    equal((await say(first, "POST", "release")).status, 200, "the status of release");
    const second = await claimOne(mine, type);
    equal([second.job.attempt, second.job.checkpoint], [1, { at: 2 }], "the run after the release");
    equal(problemOf(await say(first, "POST", "report"), 409, "attempt_over").status, 409, "the first token");
    equal(
      (await say(second, "POST", "succeed", { result: { done: true } })).status,
      200,
      "the status of succeed",
    );
    equal((await say(second, "POST", "succeed", { result: { done: true } })).status, 200, "succeed again");
    const job = await mine.read(id);
    equal([job.status, job.result], ["succeeded", { done: true }], "the job");
  });
}

async function cancelReachesWorker(deployment: Deployment): Promise<void> {
  const { mine, anyone } = deployment;
  await withType(deployment, async (type) => {
    const { id } = await mine.submit(type, { n: 1 });
    const run = await claimOne(mine, type);
    const headers = { ...bearing(run.attempt_token).headers, Prefer: "wait=30" };
    const waiting = anyone.call("POST", run.links.report, { headers, json: {} });
    await mine.cancel(id);
    const told = problemOf(await waiting, 409, "attempt_over") as { reason?: string };
    equal(told.reason, "cancelled", "the reason");
    const acknowledged = await anyone.call("POST", run.links.acknowledge, bearing(run.attempt_token));
    equal(acknowledged.status, 204, "the status of acknowledge");
    matches((await mine.read(id)).cancellation?.acknowledged_at, TIME, "acknowledged_at");
  });
}

async function uploadInParts({ mine }: Deployment): Promise<void> {
  const begun = await mine.call("POST", "/v1/uploads", { json: { content_type: "text/plain", size: 5 } });
  equal(begun.status, 201, "the status of the upload");
  const path = begun.headers.get("Location") ?? "";
  const complete = (part_count: number) => mine.call("POST", `${path}/complete`, { json: { part_count } });
  problemOf(await complete(1), 409, "upload_incomplete");
  const sent = await mine.call("PUT", `${path}/parts/1`, { body: "hello" });
  equal(sent.status, 200, "the status of the part");
  const made = await complete(1);
  equal(made.status, 201, "the status of complete");
  const where = made.headers.get("Location") ?? "";
  equal((await complete(1)).status, 200, "the status of completing again");
  equal((await mine.call("GET", where)).text, "hello", "the file");
  equal((await mine.call("DELETE", where)).status, 204, "the status of deleting it");
}

export const queueChecks: readonly Check[] = [
  check("contract 9", "an upload in parts makes one file, however often it is completed", uploadInParts),
  check("contract 14", "a queue of one runs one job at a time; the other says why it waits", oneAtATime),
  check("contract 14", "a paused queue starts nothing, and a full backlog is 429", backlog),
  check("contract 15", "a remote worker's run is released, claimed again and succeeds once", remoteLife),
  check("contract 15", "a cancellation reaches a report that waits", cancelReachesWorker),
];
