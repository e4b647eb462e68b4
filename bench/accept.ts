/**
 * Accepting a job beside the baseline, which only stores a row and sets an alarm. The difference is the cost of
 * authentication, validation, the job record, the log line and the index update. Every job must have sent its message.
 */

import { atLeast, type Benchmark, ensure, figure, type Row } from "./benchmark.ts";
import type { Load } from "./load.ts";
import type { Native } from "./native.ts";
import { type Asked, clientHeaders, compare, summary, WARM_UP_ANSWERS, withBoth } from "./side-by-side.ts";

const GOAL = 0.8;

/** A job that no consumer has taken by then is published to the job index 0.4 s later, when a burst is over. */
const plans = {
  one: { rounds: 7, amount: 250, connections: 1 },
  burst: { rounds: 13, amount: 300, connections: 16 },
  sustained: { rounds: 3, amount: 2_000, connections: 16 },
};

export const accept: Benchmark = {
  name: "accept",
  title: "Accepting a job ÷ the baseline",
  run: () =>
    withBoth(async (service, baseline) => {
      const sides = await sidesOf(service, baseline);
      const one = await compare(sides.service, sides.baseline, plans.one);
      const burst = await compare(sides.service, sides.baseline, plans.burst);
      const sustained = await compare(sides.service, sides.baseline, plans.sustained);
      await ensureSent(service);
      await ensureSent(baseline);
      return [
        judged(
          "accepted, 16 connections, in bursts",
          "/s",
          summary(burst, ({ perSecond }) => perSecond, "more"),
        ),
        judged(
          "median answer, 1 connection",
          "ms",
          summary(one, ({ medianMs }) => medianMs, "less"),
        ),
        judged(
          "median answer, 16 connections",
          "ms",
          summary(burst, ({ medianMs }) => medianMs, "less"),
        ),
        row(
          "CPU time until the answer",
          "ms",
          summary(burst, ({ answerCpuMs }) => answerCpuMs, "less"),
        ),
        judged(
          "accepted and listed",
          "/s",
          summary(sustained, ({ perSecond }) => perSecond, "more"),
        ),
        row(
          "CPU time of that, to the end",
          "ms",
          summary(sustained, ({ cpuMs }) => cpuMs, "less"),
        ),
      ];
    }),
};

async function sidesOf(service: Native, baseline: Native): Promise<{ service: Asked; baseline: Asked }> {
  const asked: Omit<Load, "url"> = {
    method: "POST",
    headers: await clientHeaders(),
    body: JSON.stringify({ type: "test.simulate", input: {} }),
    status: 202,
  };
  return {
    service: { native: service, leaves: "updates", asked: { ...asked, url: `${service.url}/v1/jobs` } },
    baseline: { native: baseline, leaves: "nothing", asked: { ...asked, url: `${baseline.url}/` } },
  };
}

/** A message is sent only after its job is stored, so the count of messages is the count of stored jobs. */
async function ensureSent(native: Native): Promise<void> {
  const accepted = Object.values(plans).map(({ rounds, amount }) => WARM_UP_ANSWERS + rounds * amount);
  const jobs = accepted.reduce((sum, some) => sum + some);
  const taken = await native.messagesTaken();
  ensure(taken === jobs, `${taken} messages were sent for ${jobs} jobs`);
}

type Summary = { service: number; baseline: number; ratio: number };

function judged(what: string, unit: string, found: Summary): Row {
  return { ...row(what, unit, found), goal: atLeast(GOAL, found.ratio) };
}

function row(what: string, unit: string, { service, baseline, ratio }: Summary): Row {
  return { what, service: figure(service, unit), other: figure(baseline, unit), ratio };
}
