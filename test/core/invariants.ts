/**
 * What must be true of every job after every command, whatever the commands, their order and the clock.
 * Plain assertions, for they run a hundred thousand times; a broken one says which promise it was.
 */

import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { totalTimeoutAt } from "../../src/core/facts.ts";
import type { HeldReport } from "../../src/core/held-report.ts";
import {
  type Attempt,
  type Command,
  type Decision,
  isFinished,
  type Job,
  type JobEvent,
  type JobStatus,
  type Progress,
} from "../../src/core/job.ts";
import { progressPercent } from "../../src/core/progress.ts";
import { nextAlarmAt, nextDeadline } from "../../src/core/timeouts.ts";
import { transition } from "../../src/core/transition.ts";
import { countOf, leaseOf, NO_JITTER, standing, startCommand } from "./job-fixtures.ts";

const legalMoves: Record<JobStatus, readonly JobStatus[]> = {
  queued: ["running", "cancelled"],
  running: ["succeeded", "failed", "cancelled"],
  succeeded: [],
  failed: [],
  cancelled: [],
};

/** Checks one command: `before` and `decision.job` around it, and that nothing was promised and then broken. */
export function checkStep(
  before: Job,
  command: Command,
  now: number,
  decision: Decision,
  held: HeldReport | null = null,
): void {
  const { answer, job, events, effects } = decision;
  checkMove(before, job);
  assert.ok(
    job.holdsFiles || !before.holdsFiles,
    "a job that holds files is never taken for one that holds none",
  );
  checkAttempts(before, job);
  checkVersion(before, job, now);
  checkEvents(before, job, events, [now, held?.progress?.at ?? now]);
  if (held) checkHeld(before, command, now, decision, held);
  if (job === before) assert.deepEqual(events, [], "nothing changed, so nothing is told");
  const wasOverdue = nextAlarmAt(before) <= now;
  if (!answer.ok && !wasOverdue) {
    assert.equal(job, before, "a refused command leaves the very same job");
    assert.deepEqual(effects, []);
  }
  if (command.type === "wake") assert.deepEqual(answer, { ok: true });
  checkEffects(before, command, decision);
  checkDeliveries(before, command, decision);
  checkAlarm(before, command, job, now);
}

/** What an attempt said over its socket is told before the attempt ends, and no deadline counts that it disproves. */
function checkHeld(
  before: Job,
  command: Command,
  now: number,
  { job, events }: Decision,
  held: HeldReport,
): void {
  const isNewer = "report" in command && command.report.progress !== null;
  const hasEnded = leaseOf(before) === held.lease && leaseOf(job) !== held.lease;
  if (hasEnded && held.progress && !isNewer) {
    const { at: _at, ...progress } = held.progress;
    const told = events.find(({ type }) => type === "job.progress");
    assert.deepEqual(told && "progress" in told && told.progress, progress, "the last progress is kept");
  }
  const { at } = nextDeadline(before);
  const woken = transition(before, { type: "wake" }, Math.max(at, now), NO_JITTER, held);
  assert.notEqual(woken.job, before, "an alarm that rings in time changes the job, or moves its deadline");
}

/** Checks the whole history: numbered without a gap, begun once, ended once if at all. */
export function checkHistory(job: Job, events: readonly JobEvent[]): void {
  events.forEach((event, index) => {
    assert.equal(event.seq, index + 1, "events count from 1 without a gap");
  });
  assert.equal(job.lastSeq, events.length);
  assert.equal(events[0]?.type, "job.queued");
  const finals = countOf(events, "job.succeeded", "job.failed", "job.cancelled");
  assert.equal(finals, isFinished(job) ? 1 : 0, "exactly one final event if and only if finished");
  if (isFinished(job))
    assert.equal(events.at(-1)?.type, `job.${job.phase.status}`, "the final event is last");
  assert.equal(countOf(events, "job.started"), job.attempts.length);
  const failedAttempts = job.attempts.filter(({ error }) => error !== null);
  assert.equal(countOf(events, "job.attempt_failed"), failedAttempts.length);
}

function checkMove(before: Job, job: Job): void {
  const from = before.phase.status;
  const to = job.phase.status;
  assert.ok(from === to || legalMoves[from].includes(to), `${from} may not become ${to}`);
  if (isFinished(job)) assert.equal(job.checkpoint, null, "a finished job has nowhere to resume");
  if (!isFinished(before) || job === before) return;
  const isAcknowledged = job.version > before.version;
  if (isAcknowledged) assert.equal(standing(before), "stopping", "only a stopping job is acknowledged");
  assert.deepEqual(
    withoutAfterlife(job),
    withoutAfterlife(before),
    "of a finished job only its acknowledgement and its deliveries are still to come",
  );
}

function withoutAfterlife(job: Job) {
  const { version: _version, updatedAt: _updatedAt, deliveries: _deliveries, phase, ...rest } = job;
  const {
    acknowledgedAt: _acknowledgedAt,
    stopping: _stopping,
    ...cancellation
  } = phase.status === "cancelled" ? phase.cancellation : { acknowledgedAt: null, stopping: null };
  return { ...rest, phase: { ...phase, cancellation } };
}

function checkAttempts(before: Job, job: Job): void {
  const { attempts, policy } = job;
  assert.ok(attempts.length <= policy.maxAttempts, "no more attempts than allowed");
  attempts.forEach((attempt, index) => {
    assert.equal(attempt.number, index + 1, "attempts are numbered from 1");
    const isLast = index === attempts.length - 1;
    assert.equal(attempt.status === "running", attempt.finishedAt === null);
    assert.ok(isLast || attempt.finishedAt !== null, "only the last attempt may be open");
  });
  before.attempts.forEach((attempt, index) => {
    if (attempt.finishedAt !== null) assert.equal(attempts[index], attempt, "an ended attempt never changes");
  });
  const isOpen = attempts.at(-1)?.status === "running";
  const shouldBeOpen = ["executing", "continuing"].includes(standing(job));
  assert.equal(isOpen, shouldBeOpen, `a ${standing(job)} job has an open attempt or not`);
  assert.equal(leaseOf(job) !== null, standing(job) === "executing", "a lease if and only if executing");
}

/** What a client sees of a job, apart from the version itself. */
function visible({ phase, attempts, progress, result }: Job) {
  const { status } = phase;
  const reason = "activity" in phase ? phase.activity : "wait" in phase ? phase.wait.dispatches > 0 : null;
  const nextAttemptAt = "wait" in phase ? phase.wait.dueAt : null;
  const acknowledgedAt = phase.status === "cancelled" ? phase.cancellation.acknowledgedAt : null;
  const last: Attempt | undefined = attempts.at(-1);
  return [status, reason, nextAttemptAt, acknowledgedAt, attempts.length, last?.status, progress, result];
}

function checkVersion(before: Job, job: Job, now: number): void {
  const grown = job.version - before.version;
  assert.ok(grown === 0 || grown === 1, `one command may not make ${grown} versions`);
  if (grown === 0) {
    assert.deepEqual(visible(job), visible(before), "the same version looks the same");
    assert.equal(job.updatedAt, before.updatedAt);
  } else {
    assert.equal(job.updatedAt, now, "a new version says when");
  }
}

function checkEvents(before: Job, job: Job, events: readonly JobEvent[], times: readonly number[]): void {
  assert.equal(job.lastSeq, before.lastSeq + events.length);
  for (const event of events) {
    assert.ok(times.includes(event.at), "an event says when");
    if (event.type === "job.progress") checkProgress(event.progress);
  }
  if (job.progress) checkProgress(job.progress);
}

/** Messages go out for what really waits, as often as the job counts them; only an alarm purges. */
function checkEffects(before: Job, command: Command, { job, effects }: Decision): void {
  if (command.type !== "wake")
    assert.ok(
      effects.every(({ type }) => type !== "purge"),
      "only wake purges",
    );
  const { phase } = job;
  if (phase === before.phase || !("wait" in phase) || phase.wait.dispatches === 0) return;
  const asked = startCommand(job, "any");
  assert.ok(asked.type === "start");
  const { attempt, continuation } = asked;
  const last = effects.findLast(({ type }) => type !== "dispatch_delivery");
  assert.deepEqual(last, { type: "dispatch", attempt, continuation }, "a message counted is a message sent");
}

/** Every event that was asked for has its delivery, none is forgotten, and what has ended begins only when asked. */
function checkDeliveries(before: Job, command: Command, { job, events, effects }: Decision): void {
  const wanted = events.filter(({ type }) => job.webhook?.events.includes(type));
  const made = job.deliveries.slice(before.deliveries.length);
  assert.deepEqual(
    made.map(({ eventType }) => eventType),
    wanted.map(({ type }) => type),
    "one delivery per event",
  );
  const ids = new Set(job.deliveries.map(({ id }) => id));
  assert.equal(ids.size, job.deliveries.length, "no two deliveries share an id");
  job.deliveries.forEach((delivery, index) => {
    const known = before.deliveries[index];
    if (delivery === known) return;
    const { id, attemptCount, state } = delivery;
    assert.ok(
      !known || (known.id === id && attemptCount - known.attemptCount <= 1),
      "one try at a time is heard of",
    );
    const hasEnded = known !== undefined && known.state.status !== "waiting";
    if (hasEnded) assert.equal(command.type, "redeliver", "an ended delivery begins anew only when asked");
    if (state.status !== "waiting" || state.dispatches === 0) return;
    const asked = { type: "dispatch_delivery" as const, deliveryId: id, attempt: attemptCount + 1 };
    assert.ok(
      effects.some((effect) => isDeepStrictEqual(effect, asked)),
      "a message counted is a message sent",
    );
  });
}

function checkProgress(progress: Progress): void {
  const { current, total } = progress;
  const shown = progressPercent(progress);
  if (current === null || total === null) {
    assert.equal(shown, null, "no total, no percent");
  } else {
    assert.ok(current <= total, "a total that was passed is dropped");
    assert.equal(shown === 100, current === total, "100 percent exactly when all is done");
  }
}

/** What is heard of a delivery or a line settles no deadline that was slept through; the alarm does, at once. */
const unsettling: readonly Command["type"][] = ["record_delivery", "redeliver", "shorten_lease"];

/** The alarm is never dead: while a job is unfinished it lies ahead, and when it rings something happens. */
function checkAlarm(before: Job, command: Command, job: Job, now: number): void {
  const { at, kind } = nextDeadline(job);
  assert.ok(Number.isFinite(at), "there is always a next wake-up");
  const woken = transition(job, { type: "wake" }, Math.max(at, now), NO_JITTER);
  if (kind === "dispatch_delivery") {
    assert.ok(
      woken.effects.some(({ type }) => type === "dispatch_delivery"),
      "an alarm for a delivery sends it",
    );
  } else if (isFinished(job)) {
    assert.deepEqual(woken, { answer: { ok: true }, job, events: [], effects: [{ type: "purge" }] });
    return;
  }
  if (!isFinished(job)) assert.ok(at <= totalTimeoutAt(job), "nothing is awaited beyond the total limit");
  const isSettled = job !== before && kind !== "dispatch_delivery" && !unsettling.includes(command.type);
  if (isSettled) assert.ok(at > now, "after a change the next wake-up lies ahead");
  assert.notEqual(woken.job, job, "an alarm that rings in time changes the job");
}
