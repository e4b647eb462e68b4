/** Contract 10: the limits of what a simulated job can be asked for. */

import { claim, equal } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import { pointsAt } from "../client.ts";
import type { Deployment } from "../deployment.ts";

async function limits({ mine }: Deployment): Promise<void> {
  const faulty: [object, string][] = [
    [{ duration_ms: 600_001 }, "/duration_ms"],
    [{ duration_ms: "5" }, "/duration_ms"],
    [{ steps: 0 }, "/steps"],
    [{ progress: "wild" }, "/progress"],
    [{ attempts: [] }, "/attempts"],
    [{ attempts: [{ outcome: "fail" }] }, "/attempts/0/kind"],
    [{ attempts: [{ outcome: "fail", kind: "worker_lost" }] }, "/attempts/0/kind"],
  ];
  for (const [input, pointer] of faulty) {
    pointsAt(
      await mine.call("POST", "/v1/jobs", { json: { type: "test.simulate", input } }),
      `#/input${pointer}`,
    );
  }
  await mine.park({ input: { duration_ms: 600_000 } });
}

async function attemptsInTurn({ mine }: Deployment): Promise<void> {
  const attempts = [
    { outcome: "fail", kind: "timeout", code: "first" },
    { outcome: "fail", kind: "rate_limited", code: "last" },
  ];
  const job = await mine.finished((await mine.simulate({ attempts }, { max_attempts: 3 })).id);
  equal(
    job.attempts.map(({ error }) => error?.code),
    ["first", "last", "last"],
    "the outcomes",
  );
}

async function duration({ mine }: Deployment): Promise<void> {
  const job = await mine.finished((await mine.simulate({ duration_ms: 1_200 })).id);
  const tookMs = Date.parse(job.finished_at ?? "") - Date.parse(job.started_at ?? "");
  claim(tookMs >= 1_150, `1,200 ms of work took ${tookMs} ms`);
}

export const testSimulateChecks: readonly Check[] = [
  check("contract 10", "test.simulate: its input has limits, each told by its pointer", limits),
  check("contract 10", "test.simulate: attempts end in turn, the last outcome repeating", attemptsInTurn),
  check("contract 10", "test.simulate: an attempt works as long as it is told", duration),
];
