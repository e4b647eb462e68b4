/**
 * One run of an attempt, from claim to outcome. The job object decides what the outcome means: a lost run is
 * detected by its lease, a late one is rejected.
 */

import { failureReference } from "../core/failure.ts";
import type { Failure, Report } from "../core/job.ts";
import type { Env } from "../env.ts";
import { Continuation, JobFailure, type JobTypes } from "../job-types/define.ts";
import { log } from "../lib/log.ts";
import { withRetry } from "../lib/retry.ts";
import { sleep } from "../lib/runtime.ts";
import type { RunOutcome } from "../rpc/job.ts";
import type { JobMessage } from "../transport/message.ts";
import { claimRun, type Run } from "./claim.ts";
import { checkpointText, createJobContext } from "./context.ts";

/** A handler that never returns is left behind this long after its limit. */
const HANDLER_GRACE_MS = 10_000;

const RESULT_BYTES_MAX = 1024 * 1024;

/**
 * Handles a message: claims the run and executes it; does nothing if no run is waiting. Rejects only if the job
 * could not be reached to claim it, so that the message is delivered again.
 */
export async function handleJobMessage(message: JobMessage, env: Env, types: JobTypes): Promise<void> {
  const run = await claimRun(message, env);
  if (!run) return;
  const returned = new AbortController();
  const work = executeAndReport(run, env, types).finally(() => returned.abort());
  await Promise.race([work, sleep(run.claim.attemptTimeoutMs + HANDLER_GRACE_MS, returned.signal)]);
  if (returned.signal.aborted) return;
  await run.reporter.close();
  log("warn", "handler_abandoned", run.fields);
}

/** Executes and reports. Never rejects, and always closes the reporter. */
async function executeAndReport(run: Run, env: Env, types: JobTypes): Promise<void> {
  try {
    await reportOutcome(run, await execute(run, env, types));
  } catch (error) {
    log("error", "outcome_lost", { ...run.fields, error });
  } finally {
    await run.reporter.close();
  }
}

/** Runs the job type's code. An exception is logged here and goes nowhere else. */
async function execute(run: Run, env: Env, types: JobTypes): Promise<RunOutcome> {
  try {
    const type = types.get(run.claim.type);
    if (!type) throw new Error(`There is no job type ${run.claim.type} any more.`);
    const input = type.input.safeParse(JSON.parse(run.claim.input));
    if (!input.success) throw new JobFailure("invalid_input", { cause: input.error });
    return toOutcome(await type.run(input.data, createJobContext(env, types, run)));
  } catch (error) {
    const failure = describeFailure(run, error);
    const { kind, code, reference } = failure;
    if (!run.reporter.signal.aborted)
      log("warn", "attempt_threw", { ...run.fields, kind, code, reference, error });
    return { type: "fail", failure };
  }
}

/** Reports the outcome, or that the code of a cancelled job has stopped. */
async function reportOutcome(run: Run, outcome: RunOutcome): Promise<void> {
  const report = await run.reporter.drain();
  const rejection = run.reporter.rejection ?? (await finish(run, report, outcome));
  if (rejection === "cancelled") await withRetry(() => run.api().acknowledge(run.lease));
}

async function finish(run: Run, report: Report, outcome: RunOutcome) {
  const answer = await withRetry(() => run.api().finish(run.lease, report, outcome));
  return answer.ok ? null : answer.reason;
}

function toOutcome(returned: unknown): RunOutcome {
  if (returned instanceof Continuation) {
    return { type: "continue", checkpoint: checkpointText(returned.checkpoint) };
  }
  const result = returned === null ? null : (JSON.stringify(returned) ?? null);
  if (result !== null && new TextEncoder().encode(result).length > RESULT_BYTES_MAX) {
    throw new Error(`A result is at most ${RESULT_BYTES_MAX} bytes of JSON; store more as a file.`);
  }
  return { type: "succeed", result };
}

/** The public error of an exception: the declared one, or the default. */
function describeFailure({ message, claim }: Run, error: unknown): Failure {
  const reference = failureReference(message.jobId, claim.attempt);
  if (!(error instanceof JobFailure)) {
    const kind = "internal_error";
    return { kind, code: kind, message: null, retryAfterMs: null, reference };
  }
  const { kind } = error;
  const retryAfterMs = Number.isFinite(error.retryAfterMs) ? error.retryAfterMs : null;
  return { kind, code: error.code ?? kind, message: error.publicMessage, retryAfterMs, reference };
}
