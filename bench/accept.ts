/**
 * Accepting a job beside the baseline, which only stores a row and sets an alarm. The difference is the cost of
 * authentication, validation, the job record, the log line and the index update. Every job must have sent its message.
 */

import { atLeast, type Benchmark, ensure, figure, type Row } from "./benchmark.ts";
import type { Load } from "./load.ts";
import type { Native } from "./native.ts";
import { clientHeaders, compare, type Side, summary, WARM_UP_ANSWERS, withBoth } from "./side-by-side.ts";

const GOAL = 0.8;

/** A job that no consumer has taken by then is published to the job index 0.4 s later, when a burst is over. */
const plans = {
  one: { rounds: 7, amount: 250, connections: 1 },
  burst: { rounds: 13, amount: 300, connections: 16 },
  sustained: { rounds: 3, amount: 2_000, connections: 16 },
};

/** What is measured without a key and with one, in this order. */
const keyed: readonly [string, boolean][] = [
  ["", false],
  [", each with a key", true],
];

export const accept: Benchmark = {
  name: "accept",
  title: "Accepting a job ÷ the baseline",
  run: () =>
    withBoth(async (service, baseline) => {
      const rows: Row[] = [];
      for (const [what, isKeyed] of keyed) rows.push(...(await rowsOf(service, baseline, what, isKeyed)));
      await ensureSent(service);
      await ensureSent(baseline);
      return rows;
    }),
};

async function rowsOf(service: Native, baseline: Native, what: string, isKeyed: boolean): Promise<Row[]> {
  const sides = await sidesOf(service, baseline, isKeyed);
  const one = await compare(sides.service, sides.baseline, plans.one);
  const burst = await compare(sides.service, sides.baseline, plans.burst);
  const sustained = await compare(sides.service, sides.baseline, plans.sustained);
  return [
    judged(`accepted, 16 connections, in bursts${what}`, "/s", summary(burst, perSecond, "more")),
    judged(`median answer, 1 connection${what}`, "ms", summary(one, medianMs, "less")),
    judged(`median answer, 16 connections${what}`, "ms", summary(burst, medianMs, "less")),
    judged(
      `CPU time until the answer${what}`,
      "ms",
      summary(burst, ({ answerCpuMs }) => answerCpuMs, "less"),
    ),
    row(`accepted and listed${what}`, "/s", summary(sustained, perSecond, "more")),
    row(
      `CPU time of that, to the end${what}`,
      "ms",
      summary(sustained, ({ cpuMs }) => cpuMs, "less"),
    ),
  ];
}

const perSecond = (side: Side) => side.perSecond;
const medianMs = (side: Side) => side.medianMs;

async function sidesOf(service: Native, baseline: Native, isKeyed: boolean) {
  const asked: Omit<Load, "url"> = {
    method: "POST",
    headers: await clientHeaders(),
    body: JSON.stringify({ type: "test.simulate", input: {} }),
    isKeyed,
    status: 202,
  };
  return {
    service: { native: service, leaves: "updates", asked: { ...asked, url: `${service.url}/v1/jobs` } },
    baseline: { native: baseline, leaves: "nothing", asked: { ...asked, url: `${baseline.url}/` } },
  } as const;
}

/** A message is sent only after its job is stored, so the count of messages is the count of stored jobs. */
async function ensureSent(native: Native): Promise<void> {
  const accepted = Object.values(plans).map(({ rounds, amount }) => WARM_UP_ANSWERS + rounds * amount);
  const jobs = keyed.length * accepted.reduce((sum, some) => sum + some);
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
