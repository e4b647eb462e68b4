/** What the clients of a world ask for: bodies of `POST /v1/jobs` over all the simulated types and options. */

import type { Ending } from "./job-types.ts";
import type { Simulation } from "./platform/simulation.ts";
import { receiverUrl } from "./receivers.ts";

const MINUTE = 60_000;

const ENDINGS: readonly Ending[] = [
  "succeed",
  "busy",
  "unavailable",
  "invalid",
  "throw",
  "hang",
  "die",
  "overrun",
];
/** Places are where jobs meet, so they are asked for most. */
const WORK_TYPES = [
  "sim.work",
  "sim.watched",
  "sim.unique",
  "sim.unique",
  "sim.unique",
  "sim.deduplicated",
  "sim.queued",
  "sim.queued",
] as const;

/** More than the final events, which are the default. */
const ALL_EVENTS = [
  "job.queued",
  "job.started",
  "job.attempt_failed",
  "job.continued",
  "job.succeeded",
  "job.failed",
];

/** Asks for a job that succeeds at once. */
export const PLAIN_REQUEST = {
  type: "sim.work",
  input: { steps: 0, stepMs: 0, saves: false, ignoresCancel: false, endings: ["succeed"] },
};

/** A body as a client would send it: valid JSON for a valid job. */
export function makeRequest(simulation: Simulation, hasQueues: boolean): Record<string, unknown> {
  const { clock, random } = simulation;
  const time = (inMs: number) => new Date(clock.now() + inMs).toISOString();
  return {
    ...(random.chance(0.2) ? continuations(simulation) : work(simulation, hasQueues)),
    ...(random.chance(0.3) && { max_attempts: random.between(1, 4) }),
    ...(random.chance(0.1) && { total_timeout_ms: random.spread(MINUTE, 40 * MINUTE) }),
    ...(random.chance(0.15) && { run_at: time(random.spread(1_000, 30 * MINUTE)) }),
    ...(random.chance(0.1) && { start_timeout_ms: random.spread(100, 10 * MINUTE) }),
    ...(random.chance(0.2) && { on_conflict: "reject" }),
    ...(random.chance(0.4) && { webhook: webhook(simulation) }),
  };
}

function webhook(simulation: Simulation) {
  const url = receiverUrl(simulation);
  return simulation.random.chance(0.3) ? { url, events: [...ALL_EVENTS, "job.cancelled"] } : { url };
}

function continuations({ random }: Simulation) {
  const to = random.between(1, 4);
  return {
    type: "sim.continuations",
    input: { to, failsAt: random.chance(0.3) ? random.between(1, to) : null },
  };
}

function work({ random }: Simulation, hasQueues: boolean) {
  const picked = random.pick(WORK_TYPES);
  const type = picked === "sim.queued" && !hasQueues ? "sim.work" : picked;
  const input = {
    steps: random.between(0, 6),
    stepMs: random.spread(1, 30_000),
    saves: random.chance(0.3),
    ignoresCancel: random.chance(0.3),
    endings: Array.from({ length: random.between(1, 3) }, () =>
      random.chance(0.5) ? "succeed" : random.pick(ENDINGS),
    ),
  };
  if (type === "sim.unique")
    return { type, input: { ...input, uniqueKey: random.chance(0.8) ? "here" : "there" } };
  if (type === "sim.queued") {
    const key = random.chance(0.5) ? random.pick(["a", "b"]) : null;
    return { type, input: { ...input, key }, priority: random.pick([0, 0, 60]) };
  }
  return { type, input };
}
