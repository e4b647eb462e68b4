/**
 * What must be true of every stored change of a job, whatever led to it. Each promise is one small function over the
 * record before and after; `past` is what the changes of this job's life have shown so far.
 */

import { isDeepStrictEqual } from "node:util";
import { ATTEMPTS_MAX, type Job, type JobEvent, type JobStatus } from "../../../src/core/job.ts";
import type { Call } from "../platform/process.ts";
import type { ServerEnd } from "../platform/sockets.ts";
import { assertThat } from "./demand.ts";

/** One life of a job: from its acceptance until it is removed. */
export type Past = {
  /** Which slice was claimed under which lease. */
  claims: Map<string, string>;
  /** Tries of each delivery since it began, or began anew. */
  rounds: Map<string, number>;
};

/** One commit of a job that was there before and is there after. */
export type Change = {
  before: Job;
  after: Job;
  events: readonly JobEvent[];
  /** What the object was answering; null for the platform's own calls. */
  call: Call | null;
  past: Past;
  /** True time, and how wrong a clock may be; milliseconds. */
  now: number;
  skewMs: number;
};

const LEGAL: Record<JobStatus, readonly JobStatus[]> = {
  queued: ["running", "cancelled"],
  running: ["succeeded", "failed", "cancelled"],
  succeeded: [],
  failed: [],
  cancelled: [],
};

const FINAL: readonly JobEvent["type"][] = ["job.succeeded", "job.failed", "job.cancelled"];

export const jobInvariants: Record<string, (change: Change) => void> = {
  "a status moves only as the contract allows": ({ before, after }) => {
    const [from, to] = [before.phase.status, after.phase.status];
    assertThat(from === to || LEGAL[from].includes(to), `${from} became ${to}`);
  },

  "a version is one further, or the same": ({ before, after }) => {
    const grown = after.version - before.version;
    assertThat(grown === 0 || grown === 1, `version ${before.version} became ${after.version}`);
  },

  "the same version looks the same": ({ before, after }) => {
    if (after.version !== before.version) return;
    assertThat(
      isDeepStrictEqual(visiblePart(after), visiblePart(before)),
      "a visible change without a version",
    );
  },

  "events are numbered without a gap": ({ before, after, events }) => {
    const seqs = events.map(({ seq }) => seq);
    const expected = seqs.map((_, index) => before.lastSeq + 1 + index);
    assertThat(isDeepStrictEqual(seqs, expected), `after ${before.lastSeq} came ${seqs}`);
    assertThat(after.lastSeq === before.lastSeq + seqs.length, `lastSeq ${after.lastSeq} after ${seqs}`);
  },

  "what is finished never changes": ({ before, after }) => {
    if (LEGAL[before.phase.status].length > 0) return;
    assertThat(isDeepStrictEqual(immutablePart(after), immutablePart(before)), "a finished job was changed");
  },

  "exactly one final event, with the finishing": ({ before, after, events }) => {
    const finals = events.filter(({ type }) => FINAL.includes(type));
    const hasFinished = before.phase.status !== after.phase.status && LEGAL[after.phase.status].length === 0;
    assertThat(
      finals.length === (hasFinished ? 1 : 0),
      `${finals.length} final events at ${after.phase.status}`,
    );
    const last = events.at(-1)?.type;
    assertThat(!hasFinished || last === `job.${after.phase.status}`, `the last event was ${last}`);
  },

  "attempts are numbered, bounded and closed": ({ after }) => {
    const { attempts, policy, phase } = after;
    const most = Math.min(policy.maxAttempts, ATTEMPTS_MAX);
    assertThat(attempts.length <= most, `${attempts.length} attempts of ${most}`);
    attempts.forEach(({ number, finishedAt }, index) => {
      assertThat(number === index + 1, `attempt ${number} in place ${index + 1}`);
      const mayBeOpen = index === attempts.length - 1 && "activity" in phase;
      assertThat(finishedAt !== null || mayBeOpen, `attempt ${number} was left open`);
    });
  },

  "at most one lease, and each slice is claimed once": ({ before, after, past }) => {
    const [old, lease] = [leaseOf(before), leaseOf(after)];
    if (lease === null || lease === old) return;
    const claimed = `attempt ${after.attempts.length}, slice ${after.continuation}`;
    const known = past.claims.get(claimed);
    assertThat(known === undefined, `${claimed} was claimed twice`);
    past.claims.set(claimed, lease);
    assertThat(old === null, `${claimed} began while another lease was valid`);
  },

  "only the holder of the lease changes what the handler says": ({ before, after, events, call }) => {
    const said = events.some(({ type }) => type === "job.log" || type === "job.continued");
    const isSaved = after.checkpoint !== null && after.checkpoint !== before.checkpoint;
    const isReported =
      after.progress !== null && after.progress !== before.progress && !sameProgress(before, after);
    const hasEnded = before.phase.status !== after.phase.status && after.phase.status === "succeeded";
    if (!said && !isSaved && !isReported && !hasEnded) return;
    const lease = leaseOfCall(call);
    // What the socket of the attempt held is stored by whatever comes next, a rejected call included.
    const isOlder = (after.progress?.at ?? 0) < after.updatedAt;
    const isHeld = isReported && !said && !isSaved && !hasEnded && (lease === null || isOlder);
    assertThat(
      leaseOf(before) !== null && (isHeld || lease === leaseOf(before)),
      `${call?.method} with a stale lease had effect`,
    );
  },

  "no attempt begins before it is due": ({ before, after, skewMs }) => {
    if (!("wait" in before.phase) || !("lease" in after.phase)) return;
    const earlyMs = before.phase.wait.dueAt - after.phase.runStartedAt;
    assertThat(earlyMs <= 2 * skewMs, `an attempt began ${earlyMs} ms too early`);
  },

  "a retry waits as long as its backoff, and as it was asked to": ({ before, after, call }) => {
    const { phase, attempts, policy } = after;
    const last = attempts.at(-1);
    const isNew = "activity" in phase && phase.activity === "waiting_to_retry" && before.phase !== phase;
    if (!isNew || !last || attempts === before.attempts || last.finishedAt === null) return;
    if (leaseOf(before) === null) return;
    const { firstMs, factor, capMs } = policy.backoff;
    const plainMs = Math.min(firstMs * factor ** (attempts.length - 1), capMs);
    const asked = askedPauseMs(call);
    const waitMs = phase.wait.dueAt - last.finishedAt;
    assertThat(
      waitMs >= Math.max(0.8 * plainMs - 1, asked),
      `waits ${waitMs} ms, backoff ${plainMs}, asked ${asked}`,
    );
    assertThat(
      waitMs <= Math.max(plainMs, asked + 0.2 * plainMs) + 1,
      `waits ${waitMs} ms, backoff ${plainMs}`,
    );
    assertThat(
      last.error !== null && policy.retryKinds.includes(last.error.kind),
      `retries ${last.error?.kind}`,
    );
  },
};

/** The lease that a call brings; null if any caller may make it. It may store what the socket of the attempt holds. */
function leaseOfCall(call: Call | null): unknown {
  switch (call?.method) {
    case "webSocketMessage":
      return ((call.args[0] as ServerEnd).deserializeAttachment() as { lease: string } | null)?.lease;
    case "report":
    case "saveCheckpoint":
    case "holdFiles":
    case "finish":
      return call.args[0];
    default:
      return null;
  }
}

function leaseOf({ phase }: Job): string | null {
  return "lease" in phase ? phase.lease : null;
}

/** How long the code asked to be left alone, in the very call that failed the attempt. */
function askedPauseMs(call: Call | null): number {
  if (call?.method !== "finish") return 0;
  const outcome = call.args[2] as { type: string; failure?: { retryAfterMs: number | null } };
  return outcome.failure?.retryAfterMs ?? 0;
}

/** Told again at its attempt's end, though nothing was reported. */
function sameProgress(before: Job, after: Job): boolean {
  return isDeepStrictEqual(before.progress, after.progress);
}

/** What a client sees, the version apart. */
function visiblePart({ phase, attempts, progress, result }: Job) {
  const reason = "activity" in phase ? phase.activity : "wait" in phase ? phase.wait.dispatches > 0 : null;
  const dueAt = "wait" in phase ? phase.wait.dueAt : null;
  const acknowledgedAt = phase.status === "cancelled" ? phase.cancellation.acknowledgedAt : null;
  return [phase.status, reason, dueAt, acknowledgedAt, attempts, progress, result];
}

/** All of a finished job but its deliveries and the acknowledgement of its cancellation. */
function immutablePart({
  version: _version,
  updatedAt: _updatedAt,
  deliveries: _deliveries,
  phase,
  ...rest
}: Job) {
  if (phase.status !== "cancelled") return { ...rest, phase };
  const { acknowledgedAt: _acknowledgedAt, stopping: _stopping, ...cancellation } = phase.cancellation;
  return { ...rest, phase: { ...phase, cancellation } };
}
