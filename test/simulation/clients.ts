/**
 * The clients of a world: each goes its own way through the API, alone or against others, repeats what failed, and
 * holds the service to what it was told. They call the objects as the HTTP layer does, one call at a time.
 */

import type { SubmitAnswer } from "../../src/rpc/job.ts";
import type { Snapshot } from "../../src/rpc/views.ts";
import type { TenantTerms } from "../../src/submission/limits.ts";
import { assertThat } from "./invariants/demand.ts";
import type { Witness } from "./invariants/witness.ts";
import type { System } from "./load.ts";
import { Controller } from "./platform/aborting.ts";
import type { Simulation } from "./platform/simulation.ts";
import type { Answer } from "./platform/sockets.ts";
import { makeRequest } from "./requests.ts";

/** What all clients of a world share. */
export type Scene = {
  simulation: Simulation;
  system: System;
  env: never;
  types: ReturnType<System["simulatedJobTypes"]>;
  terms: TenantTerms;
  witness: Witness;
  /** What a key was answered with first, by tenant and key. */
  keys: Map<string, { jobId: string; at: number }>;
  /** Whether code before this one answers, too, which may show less of a job under the same tag. */
  isDeploying: boolean;
  /** The job as it was shown under each entity tag. */
  looks: Map<string, string>;
};

type Asked = { body: Record<string, unknown>; key: string | null };
type Seen = { jobId: string; version: number; status: string; lastSeq: number };

const ACTIONS = [
  "submit",
  "submit",
  "read",
  "poll",
  "cancel",
  "delete",
  "replay",
  "events",
  "subscribe",
  "redeliver",
] as const;

/** A client of `tenant` that acts `actions` times; `submissions` says how many jobs all clients may still ask for. */
export async function actAsClient(
  scene: Scene,
  tenant: string,
  actions: number,
  submissions: { left: number },
): Promise<void> {
  const { simulation, system } = scene;
  const { random } = simulation;
  const asked: Asked[] = [];
  const seen: Seen[] = [];
  for (let acted = 0; acted < actions; acted += 1) {
    await system.sleep(random.spread(10, 5 * 60_000));
    const action = seen.length === 0 ? "submit" : random.pick(ACTIONS);
    try {
      if (action === "submit") await submit(scene, tenant, asked, seen, submissions);
      else await actOn(scene, tenant, action, random.pick(seen), seen);
    } catch (error) {
      simulation.note(`client of ${tenant} failed to ${action}: ${(error as Error).message}`);
    }
  }
}

async function submit(
  scene: Scene,
  tenant: string,
  asked: Asked[],
  seen: Seen[],
  submissions: { left: number },
): Promise<void> {
  const { random } = scene.simulation;
  const isNew = asked.length === 0 || (submissions.left > 0 && random.chance(0.6));
  if (isNew && submissions.left === 0) return;
  const request = isNew ? fresh(scene) : random.pick(asked);
  if (isNew) {
    submissions.left -= 1;
    asked.push(request);
  }
  for (let tries = 1; tries <= 3; tries += 1) {
    try {
      await submitOnce(scene, tenant, request, seen);
      return;
    } catch (error) {
      scene.simulation.note(`client of ${tenant} got no answer: ${(error as Error).message}`);
      if (request.key === null) return;
      await scene.system.sleep(random.spread(10, 60_000));
    }
  }
}

function fresh({ simulation, system }: Scene): Asked {
  const key = simulation.random.chance(0.6) ? simulation.random.pick(["a", "b", "c", "d"]) : null;
  return { body: makeRequest(simulation, system.declareQueues !== undefined), key };
}

function senderOf({ env, terms, types, system, simulation }: Scene, tenant: string, key: string | null) {
  const requestId = `request-${simulation.clock.happened()}`;
  const traceparent = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01";
  return {
    env,
    tenant,
    terms,
    idempotencyKey: key,
    requestId,
    traceparent,
    tracestate: null,
    keyId: "key",
    ownHost: "api.example.com",
    findType: async (name: string) => {
      const type = types.get(name);
      return type ? system.toSubmittable(type) : null;
    },
    hasQueue: async () => false,
  };
}

/** Submits once, and sees to it that the listing is told, as the HTTP layer does. Rejects if there was no answer. */
export async function submitOnce(
  scene: Scene,
  tenant: string,
  { body, key }: Asked,
  seen: Seen[],
): Promise<void> {
  const { system, env, simulation } = scene;
  const sentAt = simulation.clock.now();
  const sender = senderOf(scene, tenant, key);
  const read = await system.readSubmission(body, sender);
  if (!read.ok) throw new Error(`The request is rejected: ${read.reason}`);
  const { submission, onConflict, objectName } = read;
  const answer = await system.submissionObject(env, tenant, objectName).submit(submission, onConflict);
  checkAnswer(scene, tenant, key, sentAt, answer, seen);
  if (answer.kind === "accepted") await system.jobObject(env, tenant, answer.job.id).publish();
}

/** Holds an answer to a submission against the truth. */
function checkAnswer(
  scene: Scene,
  tenant: string,
  key: string | null,
  sentAt: number,
  answer: SubmitAnswer,
  seen: Seen[],
): void {
  const { witness, simulation } = scene;
  simulation.note(`client of ${tenant} was answered ${answer.kind}${key === null ? "" : ` for key ${key}`}`);
  const isUniqueKeyOwner = answer.kind === "existing" && answer.deduplicated === "unique_key";
  if (isUniqueKeyOwner || answer.kind === "duplicate") {
    const ownerJobId = answer.kind === "duplicate" ? answer.jobId : answer.job.id;
    const known = witness.find(tenant, ownerJobId);
    witness.hold("only an unfinished job, or one within its dedupe window, keeps others out", () => {
      const wasOpen = known !== null && (known.closedAt === null || known.closedAt >= sentAt);
      const isInWindow = known?.job?.uniqueKeys.some(
        (held) =>
          held.rule === "input_hash" && known.job?.phase.status === "succeeded" && sentAt < held.untilAt,
      );
      assertThat(
        wasOpen || isInWindow === true,
        `${ownerJobId} keeps its key, though it had finished before the request`,
      );
    });
  }
  if (!("job" in answer)) return;
  const { id } = answer.job;
  const known = witness.find(tenant, id);
  witness.hold("an acknowledged job exists", () =>
    assertThat(
      known !== null && (known.job !== null || (known.deletedAt ?? 0) >= sentAt),
      `${id} was acknowledged`,
    ),
  );
  const isOutdated = known?.deletedAt !== null && (known?.deletedAt ?? 0) >= sentAt;
  if (key !== null && !isOutdated) checkKey(scene, `${tenant} ${key}`, tenant, id);
  recordSeen(scene, tenant, seen, answer);
}

function checkKey({ witness, keys, simulation }: Scene, name: string, tenant: string, id: string): void {
  const first = keys.get(name);
  const deletedAt = first && (witness.find(tenant, first.jobId)?.deletedAt ?? null);
  const isFree = !first || (deletedAt !== null && deletedAt !== undefined && deletedAt >= first.at);
  witness.hold("one key is one job", () =>
    assertThat(isFree || first.jobId === id, `key ${name} named ${first?.jobId} and then ${id}`),
  );
  if (!first || first.jobId !== id) keys.set(name, { jobId: id, at: simulation.clock.now() });
}

/** Keeps what was seen of a job, and that it only ever moves on. */
function recordSeen(
  { witness, looks, isDeploying }: Scene,
  _tenant: string,
  seen: Seen[],
  { job, tag = String(job.version) }: Snapshot,
): void {
  const look = JSON.stringify(job);
  const name = `${job.id} ${tag}`;
  witness.hold("one entity tag is one representation", () =>
    assertThat(
      isDeploying || (looks.get(name) ?? look) === look,
      `${name} is ${look} and ${looks.get(name)}`,
    ),
  );
  looks.set(name, look);
  const known = seen.find(({ jobId }) => jobId === job.id);
  if (!known) {
    seen.push({ jobId: job.id, version: job.version, status: job.status, lastSeq: 0 });
    return;
  }
  witness.hold("what a client has seen is never taken back", () => {
    assertThat(
      job.version >= known.version,
      `${job.id} went from version ${known.version} to ${job.version}`,
    );
    const isSame = job.version === known.version;
    assertThat(!isSame || job.status === known.status, `${job.id} is ${job.status} and ${known.status}`);
  });
  Object.assign(known, { version: job.version, status: job.status });
}

async function actOn(
  scene: Scene,
  tenant: string,
  action: Exclude<(typeof ACTIONS)[number], "submit">,
  known: Seen,
  seen: Seen[],
): Promise<void> {
  const { system, env, simulation } = scene;
  const job = system.jobObject(env, tenant, known.jobId);
  switch (action) {
    case "read": {
      const found = await job.read();
      if (found) recordSeen(scene, tenant, seen, found);
      return;
    }
    case "poll":
      return poll(scene, tenant, known.jobId, seen);
    case "cancel": {
      const answer = await job.cancel("simulated", null);
      if (answer.kind === "cancelled") recordSeen(scene, tenant, seen, answer);
      return;
    }
    case "delete":
      if (!simulation.random.chance(0.5)) return;
      scene.witness.deletionAsked(tenant, known.jobId);
      await job.delete();
      return;
    case "replay":
      return replay(scene, tenant, known, seen);
    case "events":
      return readEvents(scene, tenant, known);
    case "subscribe":
      return subscribe(scene, tenant, known);
    case "redeliver": {
      const delivery = (await job.deliveries())?.at(-1);
      if (delivery) await job.redeliver(delivery.id);
      return;
    }
  }
}

/** Reads the job again and again, as a client does that waits for its end. */
async function poll(
  { system, env, ...scene }: Scene,
  tenant: string,
  jobId: string,
  seen: Seen[],
): Promise<void> {
  for (let polls = 0; polls < 10; polls += 1) {
    const found = await system.jobObject(env, tenant, jobId).read();
    if (!found) return;
    recordSeen({ system, env, ...scene }, tenant, seen, found);
    if (found.pollAfterSeconds === null) return;
    await system.sleep(scene.simulation.random.between(500, 5_000));
  }
}

async function replay(scene: Scene, tenant: string, known: Seen, seen: Seen[]): Promise<void> {
  const { system, env } = scene;
  const source = await system.jobObject(env, tenant, known.jobId).replaySource();
  if (source?.finishedAt === null || !source) return;
  const sentAt = scene.simulation.clock.now();
  const sender = senderOf(scene, tenant, null);
  const read = await system.readReplay({ ...source, id: known.jobId }, sender);
  if (!read.ok) return;
  const { submission, objectName } = read;
  const answer = await system.submissionObject(env, tenant, objectName).submit(submission, "use_existing");
  checkAnswer(scene, tenant, null, sentAt, answer, seen);
}

/** Reads on where it stopped: nothing is missing and nothing comes twice. */
async function readEvents({ system, env, witness }: Scene, tenant: string, known: Seen): Promise<void> {
  const { lastSeq } = known;
  const events = await system.jobObject(env, tenant, known.jobId).eventsAfter(lastSeq);
  if (!events) return;
  events.forEach(({ seq }, index) => {
    witness.hold("events are read without gap or repeat", () =>
      assertThat(seq === lastSeq + 1 + index, `after ${lastSeq} came ${seq} in place ${index + 1}`),
    );
  });
  known.lastSeq = lastSeq + events.length;
}

/** Follows for a while, from where it stopped: what comes is what follows, and nothing else. */
async function subscribe(
  { system, env, witness, simulation }: Scene,
  tenant: string,
  known: Seen,
): Promise<void> {
  const { jobId } = known;
  const url = `https://job/events?after=${known.lastSeq}`;
  const answer = (await system.jobObject(env, tenant, jobId).fetch(url)) as unknown as Answer;
  const socket = answer.webSocket;
  if (!socket) return;
  const over = new Controller();
  socket.addEventListener("close", () => over.abort());
  socket.addEventListener("message", ({ data }) => {
    const { seq, type } = JSON.parse(data ?? "") as { seq?: number; type: string };
    if (seq === undefined) {
      witness.hold("only progress has no number", () => assertThat(type === "job.progress", type));
      return;
    }
    const isNext = seq === known.lastSeq + 1;
    witness.hold("events are followed without gap or repeat", () =>
      assertThat(isNext, `after ${known.lastSeq} came ${seq}`),
    );
    known.lastSeq = seq;
  });
  socket.accept();
  await system.sleep(simulation.random.spread(100, 10 * 60_000), over.signal as unknown as AbortSignal);
  socket.close(1000);
}
