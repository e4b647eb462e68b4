/**
 * A remote worker that transcodes videos: claims one job after the other until SIGTERM, which gives the run back.
 * ACCEPTED_URL and ACCEPTED_KEY (scope jobs:work) say where; JOB_TYPE and WORKER_NAME may name the rest.
 */

import { type ClaimedRun, claim, Run, RunOver } from "./service.ts";
import { NoVideo, type TranscodeInput, transcode } from "./transcode.ts";

const {
  ACCEPTED_URL,
  ACCEPTED_KEY,
  JOB_TYPE = "video.transcode",
  WORKER_NAME = "video-worker",
} = process.env;
if (!ACCEPTED_URL || !ACCEPTED_KEY) throw new Error("Set ACCEPTED_URL and ACCEPTED_KEY.");

const stopping = new AbortController();
process.once("SIGTERM", () => stopping.abort());
process.once("SIGINT", () => stopping.abort());

const say = (event: string, fields: object) => console.log(JSON.stringify({ event, ...fields }));

while (!stopping.signal.aborted) {
  const worker = { type: JOB_TYPE, worker: WORKER_NAME, signal: stopping.signal };
  const claimed = await claim(ACCEPTED_URL, ACCEPTED_KEY, worker).catch((error: unknown) => {
    if (!stopping.signal.aborted) say("claim_failed", { error: String(error) });
    return null;
  });
  if (claimed) await work(ACCEPTED_URL, claimed);
}

/** Runs a job to its end, or until it is over, or until this process must stop. */
async function work(base: string, claimed: ClaimedRun): Promise<void> {
  const { id, input, checkpoint, attempt } = claimed.job;
  const run = new Run(base, claimed);
  say("claimed", { job: id, attempt, checkpoint });
  const release = new Promise<never>((_, reject) => {
    stopping.signal.addEventListener("abort", () => reject(new RunOver("released")));
  });
  try {
    const onSegment = (segment: number) => say("segment", { job: id, segment });
    const result = await Promise.race([
      transcode(run, input as TranscodeInput, checkpoint, onSegment),
      release,
    ]);
    await run.succeed(result);
    say("succeeded", { job: id, ...result });
  } catch (error) {
    await conclude(run, run.signal.aborted ? run.signal.reason : error);
    say("ended", { job: id, reason: String(error) });
  }
}

/** Says how the run ended, unless the service knows. */
async function conclude(run: Run, error: unknown): Promise<void> {
  const internal = String(error);
  try {
    if (error instanceof RunOver && error.reason === "cancelled") await run.acknowledge();
    else if (error instanceof RunOver && error.reason === "released") await run.release();
    else if (error instanceof NoVideo)
      await run.fail({ kind: "invalid_input", code: "no_video", message: "The file is no video.", internal });
    else if (!(error instanceof RunOver)) await run.fail({ kind: "internal_error", internal });
  } catch (told) {
    if (!(told instanceof RunOver)) throw told;
  }
}
