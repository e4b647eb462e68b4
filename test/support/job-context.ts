/** A job context for running a job type's code by itself: it remembers what the code reported. */

import type { Progress } from "../../src/core/job.ts";
import { Continuation, type JobContext } from "../../src/job-types/define.ts";

export type Reported = { progress: Partial<Progress>[]; logs: string[]; checkpoints: unknown[] };

export function fakeJobContext(overrides: Partial<JobContext> = {}): { job: JobContext; reported: Reported } {
  const reported: Reported = { progress: [], logs: [], checkpoints: [] };
  const missing = () => {
    throw new Error("this test gave the job no store");
  };
  const job: JobContext = {
    id: "job_01000000000000000000000000",
    attempt: 1,
    continuation: 0,
    signal: new AbortController().signal,
    checkpoint: null,
    traceparent: "00-00000000000000000000000000000001-0000000000000001-01",
    tracestate: null,
    targetRules: { allowLocal: false, ownHosts: [] },
    files: { open: missing, create: missing },
    get datasets(): JobContext["datasets"] {
      return missing();
    },
    jobs: { count: missing, page: missing, act: missing },
    remainingMs: () => 60_000,
    progress: (report) => void reported.progress.push(report),
    log: (message) => void reported.logs.push(message),
    heartbeat: () => undefined,
    ensureCurrent: async () => undefined,
    saveCheckpoint: async (checkpoint) => void reported.checkpoints.push(structuredClone(checkpoint)),
    continueFrom: (checkpoint) => new Continuation(checkpoint),
    ...Object.fromEntries(Object.entries(overrides)),
  };
  return { job, reported };
}
