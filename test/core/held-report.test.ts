/** What an attempt said over its worker socket: when it may be held, and when it is stored. */

import { expect, test } from "vitest";
import { type HeldReport, holdReport, openHeldReport, withHeldProgress } from "../../src/core/held-report.ts";
import type { Command } from "../../src/core/job.ts";
import { transition } from "../../src/core/transition.ts";
import {
  countOf,
  type Life,
  MINUTE,
  NO_JITTER,
  nothing,
  progressOf,
  reportOf,
  SECOND,
  startedLife,
} from "./job-fixtures.ts";

/** A running attempt whose first progress is stored, and what its socket holds. */
function connectedLife(policy = {}) {
  const life = startedLife(policy);
  life.report(reportOf(progressOf(1, 100)));
  return { life, held: openHeldReport(life.lease, life.now, 0.5) };
}

const hold = (life: Life, held: HeldReport, report = nothing, isHeartbeat = true) =>
  holdReport(life.job, held, { report, isHeartbeat }, life.now);

/** Holds progress a second later; throws if it would have to be stored. */
function holdProgress(life: Life, held: HeldReport, current: number): HeldReport {
  const next = hold(life.pass(SECOND), held, reportOf(progressOf(current, 100)));
  if (!next) throw new Error("It must be stored.");
  return next;
}

const decide = (life: Life, command: Command, held: HeldReport) =>
  transition(life.job, command, life.now, NO_JITTER, held);

test("holdReport: later progress → held, shown, told apart by a number; the version stays", () => {
  const { life, held } = connectedLife();
  const first = holdProgress(life, held, 2);
  const second = holdProgress(life, first, 3);
  expect(second.progress).toMatchObject({ current: 3, at: life.now });
  expect(new Set([held.number, first.number, second.number]).size).toBe(3);
  expect(withHeldProgress(life.job, second)).toMatchObject({
    progress: { current: 3 },
    version: life.job.version,
  });
});

test("holdReport: the same progress, or a heartbeat → no other number", () => {
  const { life, held } = connectedLife();
  const first = holdProgress(life, held, 2);
  expect(hold(life, first, reportOf(progressOf(2, 100)))?.number).toBe(first.number);
  expect(hold(life, first)?.number).toBe(first.number);
});

test("holdReport: first progress, a log line, progress held for a minute, a lease that ends soon → stored", () => {
  const started = startedLife();
  const fresh = openHeldReport(started.lease, started.now, 0);
  expect(hold(started, fresh, reportOf(progressOf(1)))).toBeNull();
  const { life, held } = connectedLife({ leaseMs: 3 * MINUTE });
  expect(hold(life, held, reportOf(null, "a line"))).toBeNull();
  const first = holdProgress(life, held, 2);
  expect(hold(life.pass(59 * SECOND), first, reportOf(progressOf(3)))).not.toBeNull();
  expect(hold(life.pass(SECOND), first, reportOf(progressOf(4)))).toBeNull();
  const other = connectedLife();
  expect(hold(other.life.pass(16 * SECOND), other.held, reportOf(progressOf(2)))).toBeNull();
});

test("holdReport: another lease → not held", () => {
  const { life } = connectedLife();
  expect(hold(life, openHeldReport("another", life.now, 0), reportOf(progressOf(2)))).toBeNull();
});

test.each<[string, (life: Life) => Command]>([
  ["a cancellation", () => ({ type: "cancel", reason: null, ifVersion: null })],
  ["a checkpoint", ({ lease }) => ({ type: "save_checkpoint", lease, checkpoint: "{}" })],
  ["a log line", ({ lease }) => ({ type: "report", lease, report: reportOf(null, "x"), isHeartbeat: true })],
  ["the outcome", ({ lease }) => ({ type: "succeed", lease, report: nothing, result: null })],
  ["the end of the lease", () => ({ type: "wake" })],
])("transition: %s after held progress → stored first, one version further", (_, commandOf) => {
  const { life, held } = connectedLife();
  const known = holdProgress(life, held, 2);
  const { version, lastSeq } = life.job;
  const command = commandOf(life);
  life.pass(command.type === "wake" ? 3 * MINUTE : 0);
  const { job, events } = decide(life, command, known);
  expect(events[0]).toMatchObject({ type: "job.progress", seq: lastSeq + 1, at: known.progress?.at });
  expect(countOf(events, "job.progress")).toBe(1);
  expect(job.version).toBe(version + 1);
});

test("transition: newer progress after held progress → only the newer is told", () => {
  const { life, held } = connectedLife();
  const known = holdProgress(life, held, 2);
  const report = reportOf(progressOf(3, 100));
  const { events } = decide(life, { type: "report", lease: life.lease, report, isHeartbeat: true }, known);
  expect(events).toMatchObject([{ type: "job.progress", progress: { current: 3 } }]);
});

test("transition: a command that changes nothing → the held progress stays held", () => {
  const { life, held } = connectedLife();
  const known = holdProgress(life, held, 2);
  const refused: Command = { type: "cancel", reason: null, ifVersion: [999] };
  for (const command of [refused, { type: "wake" } as const]) {
    const { job, events } = decide(life, command, known);
    expect(job).toBe(life.job);
    expect(events).toEqual([]);
  }
});

test("transition: the lease ends while the socket gives pings → renewed for four times as long", () => {
  const { life, held } = connectedLife();
  life.pass(30 * SECOND);
  const { job } = decide(life, { type: "wake" }, { ...held, aliveAt: life.now - SECOND });
  expect(job.phase).toMatchObject({ activity: "executing", leaseEndsAt: life.now - SECOND + 2 * MINUTE });
  expect(decide(life.pass(3 * MINUTE), { type: "wake" }, held).job.attempts).toMatchObject([
    { status: "lost" },
  ]);
});

test("transition: a heartbeat is due and one is held → not timed out; none is held → timed out", () => {
  const { life, held } = connectedLife({ heartbeatTimeoutMs: 20 * SECOND });
  const known = hold(life.pass(10 * SECOND), held);
  life.pass(16 * SECOND);
  expect(decide(life, { type: "wake" }, known ?? held).job.phase).toMatchObject({ activity: "executing" });
  expect(decide(life, { type: "wake" }, held).job.attempts).toMatchObject([{ status: "timed_out" }]);
});

test("transition: the worker socket broke → what it held is stored, the lease is shortened all the same", () => {
  const { life, held } = connectedLife();
  const known = holdProgress(life, held, 2);
  const { job, events } = decide(life, { type: "shorten_lease", lease: life.lease }, known);
  expect(events).toMatchObject([{ type: "job.progress" }]);
  expect(job.phase).toMatchObject({ leaseEndsAt: life.now + 5 * SECOND });
});
