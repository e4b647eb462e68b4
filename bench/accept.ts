/**
 * Accepting a job beside the floor, which does no more than store and ring: what authentication, checks, the job's
 * record, its log line and its announcement cost. Each job must have been stored and its message sent.
 */

import { atLeast, type Benchmark, ensure, figure, type Row } from "./benchmark.ts";
import type { Load } from "./load.ts";
import type { Native } from "./native.ts";
import { clientHeaders, compare, summary, WARM_UP_ANSWERS, withBoth } from "./side-by-side.ts";

const GOAL = 0.8;

/** A job that nobody has taken by then is announced to the listing 0.4 s later: a burst is over before. */
const plans = {
  one: { rounds: 9, amount: 250, connections: 1, leaves: "work" },
  burst: { rounds: 15, amount: 300, connections: 16, leaves: "work" },
  sustained: { rounds: 4, amount: 2_000, connections: 16, leaves: "work" },
} as const;

export const accept: Benchmark = {
  name: "accept",
  title: "Accepting a job ÷ the floor",
  run: () =>
    withBoth(async (service, floor) => {
      const sides = await sidesOf(service, floor);
      const one = await compare(sides.service, sides.floor, plans.one);
      const burst = await compare(sides.service, sides.floor, plans.burst);
      const sustained = await compare(sides.service, sides.floor, plans.sustained);
      await ensureSent(service);
      await ensureSent(floor);
      return [
        row(
          "accepted, 16 connections, in bursts",
          "/s",
          summary(burst, ({ perSecond }) => perSecond, "more"),
        ),
        row(
          "median answer, 1 connection",
          "ms",
          summary(one, ({ medianMs }) => medianMs, "less"),
        ),
        row(
          "median answer, 16 connections",
          "ms",
          summary(burst, ({ medianMs }) => medianMs, "less"),
        ),
        row(
          "accepted and listed, unrun, on one thread",
          "/s",
          summary(sustained, ({ perSecond }) => perSecond, "more"),
        ),
        row(
          "CPU time of that",
          "ms",
          summary(sustained, ({ cpuMs }) => cpuMs, "less"),
        ),
      ];
    }),
};

async function sidesOf(service: Native, floor: Native) {
  const asked: Omit<Load, "url"> = {
    method: "POST",
    headers: await clientHeaders(),
    body: JSON.stringify({ type: "rehearsal", input: {} }),
    status: 202,
  };
  return {
    service: { native: service, asked: { ...asked, url: `${service.url}/v1/jobs` } },
    floor: { native: floor, asked: { ...asked, url: `${floor.url}/` } },
  };
}

/** A message is sent after the job is stored, and only then: as many messages as jobs are as many jobs. */
async function ensureSent(native: Native): Promise<void> {
  const accepted = Object.values(plans).map(({ rounds, amount }) => WARM_UP_ANSWERS + rounds * amount);
  const jobs = accepted.reduce((sum, some) => sum + some);
  const taken = await native.messagesTaken();
  ensure(taken === jobs, `${taken} messages were sent for ${jobs} jobs`);
}

function row(what: string, unit: string, found: { service: number; floor: number; ratio: number }): Row {
  const { service, floor, ratio } = found;
  return {
    what,
    service: figure(service, unit),
    other: figure(floor, unit),
    ratio,
    goal: atLeast(GOAL, ratio),
  };
}
