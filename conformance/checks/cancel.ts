/** Contract 6: stopping a job. */

import { equal } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import { jobOf, pointsAt, problemOf } from "../client.ts";
import type { Deployment } from "../deployment.ts";

async function again({ mine }: Deployment): Promise<void> {
  const { id } = await mine.park();
  const first = jobOf(await mine.cancel(id, { json: { reason: "Once." } }), 200);
  equal([first.status, first.cancellation?.reason], ["cancelled", "Once."], "the job");
  const second = jobOf(await mine.cancel(id, { json: { reason: "Twice." } }), 200);
  equal(second, first, "the job cancelled again");
}

async function bodies({ mine }: Deployment): Promise<void> {
  const { id } = await mine.park();
  pointsAt(await mine.cancel(id, { json: { reason: "r".repeat(201) } }), "#/reason");
  pointsAt(await mine.cancel(id, { json: { because: "" } }), "#/because");
  problemOf(await mine.cancel(id, { body: "{", headers: { "Content-Type": "application/json" } }), 400);
  equal((await mine.read(id)).status, "queued", "the job after refused cancellations");
  jobOf(await mine.cancel(id, { json: { reason: "r".repeat(200) } }), 200);
}

async function tooLate({ mine }: Deployment): Promise<void> {
  const succeeded = await mine.simulate();
  const failed = await mine.simulate({ attempts: [{ outcome: "fail", kind: "not_found" }] });
  for (const { id } of [succeeded, failed]) {
    const job = await mine.finished(id);
    const problem = problemOf(await mine.cancel(id), 409, "job_not_cancellable");
    equal(problem.job_status, job.status, "job_status");
    equal(await mine.read(id), job, "the job after a refused cancellation");
  }
}

async function lateReports({ mine }: Deployment): Promise<void> {
  const input = { duration_ms: 2_000, steps: 20, ignore_cancel: true, result: "too late" };
  const { id } = await mine.simulate(input);
  await mine.until(id, ({ status_reason }) => status_reason === "executing");
  const cancelled = jobOf(await mine.cancel(id), 200);
  const job = await mine.until(id, ({ cancellation }) => Boolean(cancellation?.acknowledged_at));
  equal([job.status, "result" in job, job.progress], ["cancelled", false, cancelled.progress], "the job");
  equal((await mine.events(id)).at(-1)?.type, "job.cancelled", "the last event");
}

async function signalFires({ mine }: Deployment): Promise<void> {
  const { id } = await mine.simulate({ duration_ms: 120_000, steps: 1 });
  await mine.until(id, ({ status_reason }) => status_reason === "executing");
  await mine.cancel(id);
  await mine.until(id, ({ cancellation }) => Boolean(cancellation?.acknowledged_at), 15_000);
}

async function ifMatch({ mine }: Deployment): Promise<void> {
  const { id, version } = await mine.park();
  for (const header of ['"99"', 'W/"99"', '"x", "y"']) {
    const answer = await mine.cancel(id, { headers: { "If-Match": header } });
    problemOf(answer, 412, "precondition_failed");
  }
  equal((await mine.read(id)).status, "queued", "the job after failed preconditions");
  jobOf(await mine.cancel(id, { headers: { "If-Match": `"99", "${version}"` } }), 200);
  for (const header of ["*", 'W/"1"', '"1.5"']) {
    const other = await mine.park();
    jobOf(await mine.cancel(other.id, { headers: { "If-Match": header } }), 200);
  }
}

export const cancelChecks: readonly Check[] = [
  check("contract 6", "cancelling again is 200 and changes nothing", again),
  check("contract 6", "a reason has at most 200 characters, and the body is optional", bodies),
  check("contract 6", "a succeeded or failed job cannot be cancelled: 409", tooLate),
  check("contract 6", "what the code reports after the cancellation changes nothing", lateReports),
  check("contract 6", "the running code is told to stop, and stops", signalFires),
  check("RFC 9110 13.1.1", "If-Match compares the version, also of a weak tag; otherwise 412", ifMatch),
];
