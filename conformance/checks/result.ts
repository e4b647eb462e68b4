/** Contract 5: the result itself. */

import { equal, matches } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import { jobOf, problemOf } from "../client.ts";
import type { Deployment } from "../deployment.ts";

async function asJson({ mine }: Deployment): Promise<void> {
  const result = { rows: [1, 2, 3], name: "Zoë" };
  const { id } = await mine.simulate({ result });
  await mine.finished(id);
  const answer = await mine.call("GET", `/v1/jobs/${id}/result`);
  equal([answer.status, answer.json], [200, result], "the result");
  matches(answer.headers.get("Content-Type"), /^application\/json\b/, "the type");
}

async function notYet({ mine }: Deployment): Promise<void> {
  const { id } = await mine.simulate({ duration_ms: 60_000 });
  const answer = await mine.call("GET", `/v1/jobs/${id}/result`);
  equal(jobOf(answer, 202).id, id, "the job");
  matches(answer.headers.get("Retry-After"), /^[1-9]\d*$/, "Retry-After");
}

async function never({ mine }: Deployment): Promise<void> {
  const failed = await mine.simulate({ attempts: [{ outcome: "fail", kind: "not_found" }] });
  const cancelled = await mine.park();
  await mine.cancel(cancelled.id);
  await mine.finished(failed.id);
  for (const [id, status] of [
    [failed.id, "failed"],
    [cancelled.id, "cancelled"],
  ] as const) {
    const answer = await mine.call("GET", `/v1/jobs/${id}/result`);
    equal(problemOf(answer, 409, "job_without_result").job_status, status, "job_status");
  }
}

export const resultChecks: readonly Check[] = [
  check("contract 5", "a result is answered as it is, application/json", asJson),
  check("contract 5", "a result not there yet is 202 with Retry-After and the job", notYet),
  check("contract 5", "the result of a failed or cancelled job is 409", never),
];
