/** Contract 2: a job's shape in each of its states, and how it moves. */

import { claim, equal, matches } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import type { Deployment } from "../deployment.ts";
import { type Job, TIME } from "../shapes.ts";

const DAY_MS = 86_400_000;
const MEMBERS = [
  ...["id", "type", "status", "status_reason", "created_at", "updated_at", "started_at", "finished_at"],
  ...["purge_at", "attempt", "max_attempts", "next_attempt_at", "progress", "attempts", "metadata"],
  ...["version", "links", "input", "webhook", "limits", "queue", "priority", "concurrency_key", "waiting"],
];
const OUTCOMES = ["result", "error", "cancellation"];

/** Throws unless the job has all members, and of the outcomes only this one. */
function hasShape(job: Job, outcome: string | null): void {
  const names = Object.keys(job).filter((name) => !OUTCOMES.includes(name) && name !== "replayed_from");
  equal(names.toSorted(), MEMBERS.toSorted(), "the members");
  const outcomes = Object.keys(job).filter((name) => OUTCOMES.includes(name));
  equal(outcomes, outcome === null ? [] : [outcome], "the members of an outcome");
}

async function queued({ mine }: Deployment): Promise<void> {
  const runAt = new Date(Date.now() + 3_600_000).toISOString();
  const job = await mine.park({ run_at: runAt, metadata: { order: "4711" }, max_attempts: 7 });
  hasShape(job, null);
  matches(job.id, /^job_\w+$/, "the id");
  matches(job.created_at, TIME, "created_at");
  const { status, status_reason, started_at, finished_at, purge_at, attempt, progress, attempts } = job;
  equal({ status, status_reason }, { status: "queued", status_reason: "scheduled" }, "the state");
  equal([started_at, finished_at, purge_at, progress], [null, null, null, null], "what is not yet known");
  equal([attempt, attempts, job.max_attempts], [0, [], 7], "the attempts");
  equal([job.next_attempt_at, job.metadata], [runAt, { order: "4711" }], "next_attempt_at and metadata");
  equal(job.type, "test.simulate", "the type");
}

async function running({ mine }: Deployment): Promise<void> {
  const { id } = await mine.simulate({ duration_ms: 60_000 });
  const job = await mine.until(id, ({ status }) => status === "running");
  hasShape(job, null);
  equal([job.status_reason, job.attempt, job.finished_at], ["executing", 1, null], "reason, attempt and end");
  matches(job.started_at, TIME, "started_at");
  const [attempt] = job.attempts;
  equal([attempt?.number, attempt?.status, attempt?.finished_at], [1, "running", null], "the attempt");
}

async function betweenAttempts({ mine }: Deployment): Promise<void> {
  const failing = {
    outcome: "fail",
    kind: "service_unavailable",
    code: "bank_closed",
    retry_after_ms: 60_000,
  };
  const { id } = await mine.simulate({ attempts: [{ ...failing, message: "The bank is closed." }] });
  const job = await mine.until(id, ({ attempts }) => attempts[0]?.status === "failed");
  hasShape(job, null);
  equal([job.status, job.status_reason], ["running", "waiting_to_retry"], "the state between two attempts");
  matches(job.next_attempt_at, TIME, "next_attempt_at");
  const { reference, ...error } = job.attempts[0]?.error ?? {};
  equal(
    error,
    { kind: "service_unavailable", code: "bank_closed", message: "The bank is closed." },
    "the attempt's error",
  );
  claim(typeof reference === "string" && reference !== "", "the attempt's error has no reference");
  const waitMs = Date.parse(job.next_attempt_at ?? "") - Date.parse(job.attempts[0]?.finished_at ?? "");
  claim(waitMs >= 60_000, `the next attempt is ${waitMs} ms later, though 60 s were asked for`);
}

async function succeeded({ mine }: Deployment): Promise<void> {
  const result = { hello: "world", list: [1, null, "ä"] };
  const { id } = await mine.simulate({ result });
  const job = await mine.finished(id);
  hasShape(job, "result");
  equal([job.status, job.status_reason, job.result], ["succeeded", null, result], "the outcome");
  const keptMs = Date.parse(job.purge_at ?? "") - Date.parse(job.finished_at ?? "");
  equal(keptMs, 7 * DAY_MS, "from finished_at to purge_at, in ms,");
}

async function nothingReturned({ mine }: Deployment): Promise<void> {
  const job = await mine.finished((await mine.simulate()).id);
  claim("result" in job && job.result === null, `the result is ${JSON.stringify(job.result)}`);
}

async function failedPermanently({ mine }: Deployment): Promise<void> {
  const words = { code: "unknown_currency", message: "There is no currency XYZ." };
  const { id } = await mine.simulate({ attempts: [{ outcome: "fail", kind: "invalid_input", ...words }] });
  const job = await mine.finished(id);
  hasShape(job, "error");
  equal([job.status, job.status_reason, job.attempt], ["failed", "permanent_failure", 1], "the outcome");
  const { reference, ...said } = job.error ?? { reference: "" };
  equal(said, { kind: "invalid_input", ...words }, "the error");
  claim(typeof reference === "string" && reference !== "", "there is no reference");
}

async function cancelledBeforeItRan({ mine }: Deployment): Promise<void> {
  const { id } = await mine.park();
  await mine.cancel(id, { json: { reason: "No longer wanted." } });
  const job = await mine.read(id);
  hasShape(job, "cancellation");
  equal([job.status, job.status_reason, job.attempt], ["cancelled", "requested", 0], "the outcome");
  const { requested_at, ...rest } = job.cancellation ?? { requested_at: "" };
  equal(
    rest,
    { reason: "No longer wanted.", by: "client", acknowledged_at: requested_at },
    "the cancellation",
  );
}

async function cancelledWhileItRan({ mine }: Deployment): Promise<void> {
  const { id } = await mine.simulate({ duration_ms: 3_000, ignore_cancel: true });
  await mine.until(id, ({ status_reason }) => status_reason === "executing");
  await mine.cancel(id);
  const at = await mine.read(id);
  equal(
    [at.status, at.cancellation?.acknowledged_at],
    ["cancelled", null],
    "the job while its code still runs",
  );
  const job = await mine.until(id, ({ cancellation }) => Boolean(cancellation?.acknowledged_at));
  const { requested_at = "", acknowledged_at = "" } = job.cancellation ?? {};
  claim(
    Date.parse(acknowledged_at ?? "") > Date.parse(requested_at),
    "it was acknowledged before the code stopped",
  );
}

async function expired({ mine }: Deployment): Promise<void> {
  const runAt = new Date(Date.now() + 1_000).toISOString();
  const { id } = await mine.simulate({ duration_ms: 60_000 }, { run_at: runAt, start_timeout_ms: 1 });
  const job = await mine.finished(id);
  const started = job.attempt > 0;
  claim(!started || Date.parse(job.started_at ?? "") - Date.parse(runAt) <= 1, "it began too late");
  if (!started) {
    equal(
      [job.status, job.status_reason, job.cancellation?.by],
      ["cancelled", "start_timeout", "system"],
      "the outcome",
    );
  }
}

/** Progress that is not stored yet changes only the tag behind the version. */
async function versions({ mine }: Deployment): Promise<void> {
  const { id } = await mine.simulate({ duration_ms: 4_500, steps: 9 });
  const seen = new Map<string, Job>();
  let version = 0;
  for (let isOver = false; !isOver; ) {
    const answer = await mine.call("GET", `/v1/jobs/${id}`);
    const { data: job } = answer.json as { data: Job };
    const tag = answer.headers.get("ETag") ?? "";
    matches(tag, new RegExp(`^"${job.version}(\\.\\d{1,15})?"$`), "the ETag");
    equal(job, seen.get(tag) ?? job, `what has the ETag ${tag}, read again,`);
    claim(job.version >= version, "the version went back");
    seen.set(tag, job);
    version = job.version;
    isOver = job.finished_at !== null;
  }
  claim(seen.size >= 4, `only ${seen.size} tags were seen`);
  claim(
    [...seen.keys()].some((tag) => tag.includes(".")),
    "no progress was seen before it was stored",
  );
}

async function links({ mine }: Deployment): Promise<void> {
  const job = await mine.park();
  const self = `/v1/jobs/${job.id}`;
  const { cancel, events, result } = job.links;
  equal(job.links.self, self, "links.self");
  equal([cancel, events, result], [`${self}/cancel`, `${self}/events`, `${self}/result`], "the other links");
}

export const jobChecks: readonly Check[] = [
  check("contract 2", "a queued job: scheduled, nothing begun, nothing known", queued),
  check("contract 2", "a running job: executing, its attempt under way", running),
  check("contract 2", "a job between two attempts stays running, and says when it goes on", betweenAttempts),
  check("contract 2", "a job that succeeded has its result, and is kept 7 days", succeeded),
  check("contract 2", "a job whose handler returned nothing has the result null", nothingReturned),
  check(
    "contract 2",
    "a job that failed has the declared code and message, kind and reference",
    failedPermanently,
  ),
  check("contract 2", "a job cancelled before it ran is acknowledged at once", cancelledBeforeItRan),
  check(
    "contract 2",
    "a cancellation is acknowledged when the running code has stopped, not before",
    cancelledWhileItRan,
  ),
  check("contract 3", "a job that could not begin in time is cancelled as expired, by the system", expired),
  check("contract 2", "version grows with every stored change, and begins the ETag", versions),
  check("contract 2", "a job links to itself, its cancelling, events and result", links),
];
