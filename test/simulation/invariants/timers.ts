/** The promises about what looks after a job: its alarm, and the deliveries of its webhook. */

import type { Delivery, Job } from "../../../src/core/job.ts";
import { assertThat } from "./demand.ts";
import type { Change } from "./job.ts";

const MINUTE = 60_000;

/** However often a message was sent in vain, the next one follows within this. */
const SEND_AGAIN_MS_MAX = 15 * MINUTE;

/** Standard Webhooks: the waits between the ten tries of a delivery, before jitter. */
const WAITS_MS = [5_000, ...[5, 30, 120, 300, 600, 840, 1_200, 1_440].map((minutes) => minutes * MINUTE)];

/** Over an open socket a lease lasts longer, for its breaking is noticed. */
const SOCKET_LEASES = 4;

const JITTER = 0.2;

/** Times are rounded to milliseconds. */
const ROUNDING_MS = 2;

/** The stored alarm rings no later than something must happen to the job; only its purge is left to the listing. */
export function checkAlarm(job: Job, alarmAt: number | null): void {
  const at = mustMoveAt(job);
  if (at === null) return;
  assertThat(alarmAt !== null, `no alarm is set for a job that must move at ${at}`);
  assertThat(alarmAt <= at, `the alarm rings ${alarmAt - at} ms after the job must move`);
}

/** When the job must move at the latest if nothing is heard, by the words of the design and not by those of the code. */
function mustMoveAt({ phase, policy, deliveries, dueAt, startTimeoutAt }: Job): number | null {
  const limits = deliveries.flatMap(({ state }) =>
    state.status === "waiting" ? [state.nextDispatchAt] : [],
  );
  if ("finishedAt" in phase) return limits.length === 0 ? null : Math.min(...limits);
  limits.push(dueAt + policy.totalTimeoutMs);
  if ("wait" in phase) limits.push(phase.wait.nextDispatchAt);
  else limits.push(phase.leaseEndsAt, phase.runStartedAt + policy.attemptTimeoutMs);
  if (phase.status === "queued" && startTimeoutAt !== null) limits.push(startTimeoutAt);
  return Math.min(...limits);
}

export const watchInvariants: Record<string, (change: Change) => void> = {
  "an unclaimed message is dispatched again in time": ({ after, now, skewMs }) => {
    const { phase } = after;
    if (!("wait" in phase)) return;
    const latest = Math.max(phase.wait.dueAt, now + skewMs) + SEND_AGAIN_MS_MAX;
    assertThat(
      phase.wait.nextDispatchAt <= latest,
      `the next message goes out ${phase.wait.nextDispatchAt - now} ms from now`,
    );
  },

  "a lease ends within its time": ({ after, now, skewMs }) => {
    if (!("lease" in after.phase)) return;
    const leftMs = after.phase.leaseEndsAt - now;
    assertThat(
      leftMs <= SOCKET_LEASES * after.policy.leaseMs + 2 * skewMs,
      `a lease lasts ${leftMs} ms more`,
    );
  },

  "every event a webhook asked for has its delivery": ({ before, after, events }) => {
    const wanted = events.filter(({ type }) => after.webhook?.events.includes(type));
    const made = after.deliveries.slice(before.deliveries.length).map(({ eventType }) => eventType);
    assertThat(
      made.join() === wanted.map(({ type }) => type).join(),
      `deliveries of ${made} for ${wanted.length} events`,
    );
  },

  "a delivery goes by its schedule until it is made or given up": ({
    before,
    after,
    call,
    past,
    now,
    skewMs,
  }) => {
    after.deliveries.forEach((delivery, index) => {
      const known = before.deliveries[index];
      if (!known || known === delivery) return;
      assertThat(known.id === delivery.id, "deliveries keep their ids");
      if (call?.method === "redeliver" && call.args[0] === delivery.id) past.rounds.set(delivery.id, 0);
      else if (delivery.attemptCount !== known.attemptCount)
        checkTry(known, delivery, past.rounds, now, skewMs);
      else assertThat(delivery.state.status === known.state.status, `${delivery.id} moved without a try`);
    });
  },
};

function checkTry(
  known: Delivery,
  delivery: Delivery,
  rounds: Map<string, number>,
  now: number,
  skewMs: number,
): void {
  const { id, state, attemptCount, attempts } = delivery;
  const last = attempts.at(-1);
  const inRound = (rounds.get(id) ?? 0) + 1;
  rounds.set(id, inRound);
  assertThat(known.state.status === "waiting", `${id} was tried after it had ended`);
  assertThat(
    attemptCount === known.attemptCount + 1 && last !== undefined,
    `${id} counted ${attemptCount} tries after ${known.attemptCount}`,
  );
  const { status } = last;
  if (status !== null && status >= 200 && status < 300) {
    assertThat(state.status === "succeeded", `${id} was delivered and is ${state.status}`);
    return;
  }
  const plainMs = WAITS_MS[inRound - 1];
  if (status === 410 || plainMs === undefined) {
    assertThat(state.status === "failed", `${id} should have been given up after ${inRound} tries`);
    return;
  }
  assertThat(state.status === "waiting", `${id} is ${state.status} after ${inRound} tries and a ${status}`);
  const waitMs = state.dueAt - now;
  const askedMs = last.retryAfterMs ?? 0;
  const slackMs = skewMs + ROUNDING_MS;
  const mostMs = Math.max(plainMs * (1 + JITTER), askedMs) + slackMs;
  const isInTime = waitMs >= Math.max(plainMs, askedMs) - slackMs && waitMs <= mostMs;
  assertThat(isInTime, `${id} waits ${waitMs} ms after try ${inRound}, asked ${askedMs}`);
}
