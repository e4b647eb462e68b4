/** Contract 2 and 10: failures and their kinds, what is retried, and what progress says. */

import { claim, equal } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import type { Deployment } from "../deployment.ts";
import { compactOf, type Job, type Progress, TIME } from "../shapes.ts";

const TEMPORARY = ["timeout", "rate_limited", "service_unavailable"];
const PERMANENT = ["invalid_input", "permission_denied", "not_found", "internal_error"];
const PLAIN_MESSAGE = "The job could not be completed.";

const failing = (kind: string) => ({ outcome: "fail", kind });

async function temporaryKinds({ mine }: Deployment): Promise<void> {
  const jobs = await Promise.all(
    TEMPORARY.map((kind) => mine.simulate({ attempts: [failing(kind), { outcome: "succeed" }] })),
  );
  for (const { id } of jobs) {
    const job = await mine.finished(id);
    equal(
      [job.status, job.attempt],
      ["succeeded", 2],
      `a job that failed once with ${job.attempts[0]?.error?.kind}`,
    );
  }
}

async function permanentKinds({ mine }: Deployment): Promise<void> {
  const jobs = await Promise.all(PERMANENT.map((kind) => mine.simulate({ attempts: [failing(kind)] })));
  for (const { id } of jobs) {
    const job = await mine.finished(id);
    const seen = [job.status, job.status_reason, job.attempt];
    equal(seen, ["failed", "permanent_failure", 1], `a job that failed with ${job.error?.kind}`);
  }
}

async function attemptsExhausted({ mine }: Deployment): Promise<void> {
  const { id } = await mine.simulate({ attempts: [failing("timeout")] }, { max_attempts: 2 });
  const job = await mine.finished(id);
  equal([job.status, job.status_reason, job.attempt], ["failed", "attempts_exhausted", 2], "the outcome");
  equal(
    job.attempts.map(({ status }) => status),
    ["failed", "failed"],
    "the attempts",
  );
}

async function attemptTimeout({ mine }: Deployment): Promise<void> {
  const { id } = await mine.simulate({ attempts: [{ outcome: "hang" }] }, { total_timeout_ms: 6_000 });
  const job = await mine.finished(id);
  equal([job.status, job.status_reason], ["failed", "total_timeout"], "the outcome");
  equal(job.attempts[0]?.status, "timed_out", "the attempt");
}

async function undeclaredWords({ mine }: Deployment): Promise<void> {
  const { id } = await mine.simulate({ attempts: [failing("permission_denied")] });
  const { error } = await mine.finished(id);
  equal([error?.code, error?.message], ["permission_denied", PLAIN_MESSAGE], "code and message");
}

async function exceptionStaysInside({ mine, run }: Deployment): Promise<void> {
  const message = `internal detail ${run}`;
  const { id } = await mine.simulate({ attempts: [{ outcome: "crash", message }] });
  const { error } = await mine.finished(id);
  equal(
    [error?.kind, error?.code, error?.message],
    ["internal_error", "internal_error", PLAIN_MESSAGE],
    "the error",
  );
  for (const rest of ["", "/events", "/result", "/deliveries"]) {
    const { text } = await mine.call("GET", `/v1/jobs/${id}${rest}`);
    // The input of this type is the only part of a job that may have the text.
    const said = rest === "" ? JSON.stringify(compactOf(JSON.parse(text).data)) : text;
    claim(!said.includes(message), `the exception's text stands in ${rest || "the job"}`);
  }
}

/** All states of a job's progress that are to be seen from now to its end. */
async function progressOf({ mine }: Deployment, input: object): Promise<{ seen: Progress[]; job: Job }> {
  const seen: Progress[] = [];
  const { id } = await mine.simulate(input);
  const job = await mine.until(id, ({ progress, finished_at }) => {
    if (progress) seen.push(progress);
    return finished_at !== null;
  });
  return { seen, job };
}

async function exactProgress(deployment: Deployment): Promise<void> {
  const { seen, job } = await progressOf(deployment, { duration_ms: 5_000, steps: 7 });
  for (const { current, total, percent, unit, updated_at } of seen) {
    equal([total, unit], [7, "steps"], "total and unit");
    equal(percent, Math.floor((100 * (current ?? 0)) / 7), `percent of ${current} in 7`);
    claim(TIME.test(updated_at ?? ""), "there is no updated_at");
  }
  const currents = seen.map(({ current }) => current ?? 0);
  equal(
    currents,
    currents.toSorted((a, b) => a - b),
    "how current went on",
  );
  claim(
    currents.some((current) => current > 0 && current < 7),
    `nothing was told on the way: ${currents}`,
  );
  equal([job.progress?.current, job.progress?.percent], [7, 100], "the end");
}

async function coarseProgress(deployment: Deployment): Promise<void> {
  const { seen } = await progressOf(deployment, { duration_ms: 1_500, steps: 6, progress: "coarse" });
  claim(seen.length > 0, "no progress was seen");
  for (const { current, total, percent, stage } of seen) {
    equal([current, total, percent], [null, null, null], "what is not known");
    claim(typeof stage === "string", "there is no stage");
  }
}

async function noProgress(deployment: Deployment): Promise<void> {
  const { seen } = await progressOf(deployment, { duration_ms: 500, heartbeats: false });
  equal(seen, [], "the progress of a job that reports nothing");
}

export const outcomeChecks: readonly Check[] = [
  check("contract 10", "timeout, rate_limited and service_unavailable are retried", temporaryKinds),
  check("contract 10", "the other declared kinds fail at once", permanentKinds),
  check("contract 2", "when no attempt is left, the job failed: attempts_exhausted", attemptsExhausted),
  check("contract 2", "a job that hangs fails at its attempt timeout, its attempt timed_out", attemptTimeout),
  check("contract 2", "without declared words, code is the kind and the message plain", undeclaredWords),
  check("contract 2", "an exception's text never leaves the logs", exceptionStaysInside),
  check("contract 2", "percent is rounded down, and 100 only when current equals total", exactProgress),
  check("contract 2", "percent exists only when the total is known", coarseProgress),
  check("contract 2", "progress is null until it is reported", noProgress),
];
