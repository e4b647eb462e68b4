/** Every standing of a job against every command: one table, no cell left out. */

import { describe, expect, test } from "vitest";
import type { Command, Job, Submission } from "../../src/core/job.ts";
import { nextAlarmAt } from "../../src/core/timeouts.ts";
import { transition } from "../../src/core/transition.ts";
import {
  DAY,
  deliveryIdOf,
  failCommand,
  HOUR,
  type Life,
  lifeOf,
  NO_JITTER,
  nothing,
  progressOf,
  reportOf,
  SECOND,
  standing,
  startCommand,
  startedLife,
  T0,
} from "./job-fixtures.ts";

/**
 * A word is where an accepted command leads; `same` is accepted with nothing changed (the very same job object);
 * `-why` is refused for that reason with nothing changed. "stale" beside a command: sent with a lease that is not
 * the last one given. `start early` asks for the attempt after the next, `start late` for the one before it;
 * `start repeated` is sent again by a worker that got no answer to its start. Of the delivery of its first event every
 * job awaits try 2; `delivered late` tells of try 1, `delivered early` of try 3.
 */
const TABLE = `
                      | scheduled         | waiting           | executing         | retrying          | retry_due         | continuing        | succeeded        | failed           | stopping          | cancelled
start                 | -not_waiting      | executing         | -not_waiting      | -not_waiting      | executing         | executing         | -not_waiting     | -not_waiting     | -not_waiting      | -not_waiting
start early           | -not_waiting      | -not_waiting      | -not_waiting      | -not_waiting      | -not_waiting      | -not_waiting      | -not_waiting     | -not_waiting     | -not_waiting      | -not_waiting
start late            | -not_waiting      | -not_waiting      | -not_waiting      | -not_waiting      | -not_waiting      | -not_waiting      | -not_waiting     | -not_waiting     | -not_waiting      | -not_waiting
start other run       | -not_waiting      | -not_waiting      | -not_waiting      | -not_waiting      | -not_waiting      | -not_waiting      | -not_waiting     | -not_waiting     | -not_waiting      | -not_waiting
start repeated        | -not_waiting      | executing         | same              | -not_waiting      | -not_waiting      | -not_waiting      | -not_waiting     | -not_waiting     | -not_waiting      | -not_waiting
report news           | -stale            | -stale            | executing         | -stale            | -stale            | -stale            | -stale           | -stale           | -cancelled        | -stale
report nothing        | -stale            | -stale            | same              | -stale            | -stale            | -stale            | -stale           | -stale           | -cancelled        | -stale
report stale          | -stale            | -stale            | -stale            | -stale            | -stale            | -stale            | -stale           | -stale           | -stale            | -stale
save_checkpoint       | -stale            | -stale            | executing         | -stale            | -stale            | -stale            | -stale           | -stale           | -cancelled        | -stale
hold_files            | -stale            | -stale            | executing         | -stale            | -stale            | -stale            | -stale           | -stale           | -cancelled        | -stale
hold_files stale      | -stale            | -stale            | -stale            | -stale            | -stale            | -stale            | -stale           | -stale           | -stale            | -stale
save_checkpoint stale | -stale            | -stale            | -stale            | -stale            | -stale            | -stale            | -stale           | -stale           | -stale            | -stale
succeed               | -stale            | -stale            | succeeded         | -stale            | -stale            | -stale            | -stale           | -stale           | -cancelled        | -stale
succeed stale         | -stale            | -stale            | -stale            | -stale            | -stale            | -stale            | -stale           | -stale           | -stale            | -stale
fail temporary        | -stale            | -stale            | retrying          | -stale            | -stale            | -stale            | -stale           | -stale           | -cancelled        | -stale
fail temporary stale  | -stale            | -stale            | -stale            | -stale            | -stale            | -stale            | -stale           | -stale           | -stale            | -stale
fail permanent        | -stale            | -stale            | failed            | -stale            | -stale            | -stale            | -stale           | -stale           | -cancelled        | -stale
fail permanent stale  | -stale            | -stale            | -stale            | -stale            | -stale            | -stale            | -stale           | -stale           | -stale            | -stale
continue              | -stale            | -stale            | continuing        | -stale            | -stale            | -stale            | -stale           | -stale           | -cancelled        | -stale
continue stale        | -stale            | -stale            | -stale            | -stale            | -stale            | -stale            | -stale           | -stale           | -stale            | -stale
cancel                | cancelled         | cancelled         | stopping          | cancelled         | cancelled         | cancelled         | -not_cancellable | -not_cancellable | same              | same
cancel if unchanged   | cancelled         | cancelled         | stopping          | cancelled         | cancelled         | cancelled         | -not_cancellable | -not_cancellable | same              | same
cancel if changed     | -version_mismatch | -version_mismatch | -version_mismatch | -version_mismatch | -version_mismatch | -version_mismatch | -not_cancellable | -not_cancellable | -version_mismatch | -version_mismatch
acknowledge           | -stale            | -stale            | -stale            | -stale            | -stale            | -stale            | -stale           | -stale           | cancelled         | -stale
acknowledge stale     | -stale            | -stale            | -stale            | -stale            | -stale            | -stale            | -stale           | -stale           | -stale            | -stale
shorten lease         | -stale            | -stale            | executing         | -stale            | -stale            | -stale            | -stale           | -stale           | -cancelled        | -stale
shorten lease stale   | -stale            | -stale            | -stale            | -stale            | -stale            | -stale            | -stale           | -stale           | -stale            | -stale
delivered             | scheduled         | waiting           | executing         | retrying          | retry_due         | continuing        | succeeded        | failed           | stopping          | cancelled
delivered late        | -stale            | -stale            | -stale            | -stale            | -stale            | -stale            | -stale           | -stale           | -stale            | -stale
delivered early       | -stale            | -stale            | -stale            | -stale            | -stale            | -stale            | -stale           | -stale           | -stale            | -stale
delivered unknown     | -stale            | -stale            | -stale            | -stale            | -stale            | -stale            | -stale           | -stale           | -stale            | -stale
redeliver             | scheduled         | waiting           | executing         | retrying          | retry_due         | continuing        | succeeded        | failed           | stopping          | cancelled
redeliver unknown     | -stale            | -stale            | -stale            | -stale            | -stale            | -stale            | -stale           | -stale           | -stale            | -stale
wake too early        | same              | same              | same              | same              | same              | same              | same             | same             | same              | same
wake in time          | waiting           | waiting           | retrying          | retry_due         | retry_due         | continuing        | same             | same             | same              | same
`;

/** The delivery of the first event. */
const DELIVERY = deliveryIdOf(1);

type Standing = ReturnType<typeof standing>;

const webhook: Partial<Submission> = {
  webhook: { url: "https://example.com/hook", events: ["job.queued"] },
};

function delivering(life: Life): Life {
  const outcome = { startedAt: T0, status: 503, error: null, durationMs: 1, retryAfterMs: 365 * DAY };
  life.send({ type: "record_delivery", deliveryId: DELIVERY, attempt: 1, outcome });
  return life;
}

const begun = () => delivering(startedLife({}, webhook));

/**
 * Lives that have come to stand so, each by commands alone, each with the lease it had last, and with a
 * delivery that was tried once and leaves its receiver alone for long.
 */
const lives: Record<Standing, () => Life> = {
  scheduled: () => delivering(lifeOf({}, { ...webhook, runAt: T0 + HOUR })),
  waiting: () => delivering(lifeOf({}, webhook)),
  executing: () => begun(),
  retrying: () => after(begun(), (life) => life.fail("timeout")),
  retry_due: () => after(begun(), (life) => life.fail("timeout")).ring(),
  continuing: () => after(begun(), (life) => life.continueRun()),
  succeeded: () => after(begun(), (life) => life.succeed()),
  failed: () => after(begun(), (life) => life.fail("invalid_input")),
  stopping: () => after(begun(), (life) => life.cancel()),
  cancelled: () =>
    after(
      begun(),
      (life) => life.cancel(),
      (life) => life.acknowledge(),
    ),
};

function after(life: Life, ...acts: ((life: Life) => unknown)[]): Life {
  for (const act of acts) act(life);
  return life;
}

type Make = (life: Life) => Command;
const STALE = "lease-of-another";

const deliveredAs = (deliveryId: string, attempt: number) => (): Command => {
  const outcome = { startedAt: T0, status: 200, error: null, durationMs: 1, retryAfterMs: null };
  return { type: "record_delivery", deliveryId, attempt, outcome };
};

const startWith =
  (
    change: (asked: { attempt: number; continuation: number }) => { attempt: number; continuation: number },
  ): Make =>
  ({ job }) => {
    const command = startCommand(job, "lease-new");
    return command.type === "start" ? { ...command, ...change(command) } : command;
  };

const withStale =
  (make: Make): Make =>
  (life) => ({ ...make(life), ...{ lease: STALE } });

const leased: Record<string, Make> = {
  report: ({ lease }) => ({
    type: "report",
    lease,
    report: reportOf(progressOf(1, 2), "a line"),
    isHeartbeat: true,
  }),
  save_checkpoint: ({ lease }) => ({ type: "save_checkpoint", lease, checkpoint: '{"row":1}' }),
  hold_files: ({ lease }) => ({ type: "hold_files", lease }),
  succeed: ({ lease }) => ({ type: "succeed", lease, report: nothing, result: null }),
  "fail temporary": ({ lease }) => failCommand(lease, "service_unavailable"),
  "fail permanent": ({ lease }) => failCommand(lease, "invalid_input"),
  continue: ({ lease }) => ({ type: "continue", lease, report: nothing, checkpoint: "{}" }),
  acknowledge: ({ lease }) => ({ type: "acknowledge", lease }),
  "shorten lease": ({ lease }) => ({ type: "shorten_lease", lease }),
};

const { report, ...others } = leased;
const commands: Record<string, Make> = {
  start: startWith((asked) => asked),
  "start early": startWith(({ attempt }) => ({ attempt: attempt + 1, continuation: 0 })),
  "start late": startWith(({ attempt }) => ({ attempt: attempt - 1, continuation: 0 })),
  "start other run": startWith(({ attempt, continuation }) => ({
    attempt,
    continuation: continuation + 1,
  })),
  "start repeated": ({ job, lease }) => {
    const attempt = Math.max(1, job.attempts.length);
    return { type: "start", attempt, continuation: job.continuation, lease };
  },
  ...(report && { "report news": report, "report stale": withStale(report) }),
  "report nothing": ({ lease }) => ({ type: "report", lease, report: nothing, isHeartbeat: true }),
  ...others,
  ...Object.fromEntries(Object.entries(others).map(([name, make]) => [`${name} stale`, withStale(make)])),
  cancel: () => ({ type: "cancel", reason: null, ifVersion: null }),
  "cancel if unchanged": ({ job }) => ({ type: "cancel", reason: null, ifVersion: [job.version] }),
  "cancel if changed": ({ job }) => ({ type: "cancel", reason: null, ifVersion: [job.version + 1] }),
  delivered: deliveredAs(DELIVERY, 2),
  "delivered late": deliveredAs(DELIVERY, 1),
  "delivered early": deliveredAs(DELIVERY, 3),
  "delivered unknown": deliveredAs("msg_other_1", 1),
  redeliver: () => ({ type: "redeliver", deliveryId: DELIVERY }),
  "redeliver unknown": () => ({ type: "redeliver", deliveryId: "msg_other_1" }),
  "wake too early": () => ({ type: "wake" }),
  "wake in time": () => ({ type: "wake" }),
};

const [head = [], ...rows] = TABLE.trim()
  .split("\n")
  .map((line) => line.split("|").map((cell) => cell.trim()));
const standings = head.slice(1) as Standing[];
const cells = rows.flatMap(([command = "", ...results]) =>
  results.map((result, column) => ({ state: standings[column] as Standing, command, result })),
);

test("the table has a row for every command and a column for every standing", () => {
  expect(rows.map(([command]) => command).sort()).toEqual(Object.keys(commands).sort());
  expect([...standings].sort()).toEqual(Object.keys(lives).sort());
  expect(cells).toHaveLength(Object.keys(commands).length * Object.keys(lives).length);
});

describe.each(standings)("%s", (state) => {
  test("is where the job stands before the command", () => {
    expect(standing(lives[state]().job)).toBe(state);
  });

  test.each(cells.filter((cell) => cell.state === state))(
    "$state + $command -> $result",
    ({ command, result }) => {
      const life = lives[state]();
      const { job } = life;
      const makeCommand = commands[command] as Make;
      const at = command === "wake in time" ? nextAlarmAt(job) : life.now + SECOND;

      const decision = transition(job, makeCommand(life), at, NO_JITTER);

      expect(outcomeOf(job, decision)).toBe(result);
      if (decision.job === job) expect(decision.events).toEqual([]);
    },
  );
});

function outcomeOf(before: Job, { answer, job }: ReturnType<typeof transition>): string {
  if (answer.ok) return job === before ? "same" : standing(job);
  return job === before ? `-${answer.reason}` : `-${answer.reason}, yet changed`;
}
