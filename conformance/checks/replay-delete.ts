/** Contract 6: repeating and removing a job. */

import { claim, equal } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import { jobOf, pointsAt, problemOf } from "../client.ts";
import type { Deployment } from "../deployment.ts";

async function replayed({ mine }: Deployment): Promise<void> {
  const { id } = await mine.simulate({ result: "once more" });
  await mine.finished(id);
  const answer = await mine.call("POST", `/v1/jobs/${id}/replay`);
  const replay = jobOf(answer, 202);
  claim(replay.id !== id, "the replay is the same job");
  equal([replay.type, replay.replayed_from], ["test.simulate", id], "type and replayed_from");
  equal(answer.headers.get("Location"), `/v1/jobs/${replay.id}`, "Location");
  equal((await mine.finished(replay.id)).result, "once more", "the result of the same input");
}

async function replayTooEarly({ mine }: Deployment): Promise<void> {
  const { id } = await mine.park();
  const problem = problemOf(await mine.call("POST", `/v1/jobs/${id}/replay`), 409, "job_not_finished");
  equal(problem.job_status, "queued", "job_status");
}

async function replayWithKey({ mine }: Deployment): Promise<void> {
  const { id } = await mine.simulate();
  await mine.finished(id);
  const headers = { "Idempotency-Key": `conformance-${crypto.randomUUID()}` };
  const post = () => mine.call("POST", `/v1/jobs/${id}/replay`, { headers });
  const [first, second] = [await post(), await post()];
  equal(jobOf(second, 202).id, jobOf(first, 202).id, "the job of a repeated replay");
  equal(second.headers.get("Idempotent-Replayed"), "true", "Idempotent-Replayed");
}

async function replayKeeps({ mine }: Deployment): Promise<void> {
  const metadata = { replayed: "kept" };
  const source = await mine.park({ metadata, max_attempts: 1 });
  jobOf(await mine.cancel(source.id), 200);
  const replay = (json: object) => mine.call("POST", `/v1/jobs/${source.id}/replay`, { json });
  const run_at = new Date(Date.now() + 3_600_000).toISOString();
  const kept = jobOf(await replay({ run_at }), 202);
  equal([kept.max_attempts, kept.metadata], [1, metadata], "max_attempts and metadata of a replay");
  const changed = jobOf(await replay({ run_at, max_attempts: 2, metadata: {} }), 202);
  equal([changed.max_attempts, changed.metadata], [2, {}], "what the replay named itself");
  pointsAt(await replay({ type: "test.simulate" }), "#/type");
  for (const { id } of [kept, changed]) await mine.cancel(id);
}

async function deleted({ mine }: Deployment): Promise<void> {
  const { id } = await mine.simulate({ result: 1 });
  await mine.finished(id);
  const answer = await mine.call("DELETE", `/v1/jobs/${id}`);
  equal([answer.status, answer.text], [204, ""], "the deletion");
  for (const rest of ["", "/events", "/result", "/deliveries"]) {
    problemOf(await mine.call("GET", `/v1/jobs/${id}${rest}`), 404, "not_found");
  }
  problemOf(await mine.call("DELETE", `/v1/jobs/${id}`), 404, "not_found");
  problemOf(await mine.call("POST", `/v1/jobs/${id}/replay`), 404, "not_found");
}

async function neverCancels({ mine }: Deployment): Promise<void> {
  const { id } = await mine.simulate({ duration_ms: 1_000 });
  const problem = problemOf(await mine.call("DELETE", `/v1/jobs/${id}`), 409, "job_not_finished");
  claim(["queued", "running"].includes(problem.job_status ?? ""), `job_status is ${problem.job_status}`);
  equal((await mine.finished(id)).status, "succeeded", "the job that was not to be deleted");
}

export const replayDeleteChecks: readonly Check[] = [
  check("contract 6", "a replay is a new job of the same type and input, replayed_from set", replayed),
  check("contract 6", "only a finished job can be replayed: 409", replayTooEarly),
  check("contract 6", "a replay takes an Idempotency-Key", replayWithKey),
  check("contract 6", "a replay keeps the limits and metadata that it does not name", replayKeeps),
  check("contract 6", "a finished job is deleted with everything of it", deleted),
  check("contract 6", "a job that has not finished is not deleted, and goes on", neverCancels),
];
