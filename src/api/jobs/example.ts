/** An example job of the OpenAPI document. A test validates it against its schema. */

const self = "/v1/jobs/job_WUynhlTtRcLzJpURdEj0VWdWnt6Uo6mnwiDL7RSVZJpuuL2";

/** A job whose first attempt failed and which waits for its second. */
export const jobExample = {
  id: "job_WUynhlTtRcLzJpURdEj0VWdWnt6Uo6mnwiDL7RSVZJpuuL2",
  type: "csv.import",
  status: "running",
  status_reason: "waiting_to_retry",
  created_at: "2026-11-22T12:00:00.000Z",
  updated_at: "2026-11-22T12:00:09.512Z",
  started_at: "2026-11-22T12:00:00.184Z",
  finished_at: null,
  purge_at: null,
  attempt: 1,
  max_attempts: 3,
  next_attempt_at: "2026-11-22T12:00:14.731Z",
  progress: {
    current: 43_008,
    total: 1_048_576,
    unit: "bytes",
    percent: 4,
    stage: "importing",
    message: "620 rows",
    updated_at: "2026-11-22T12:00:08.960Z",
  },
  attempts: [
    {
      number: 1,
      status: "failed",
      worker: null,
      started_at: "2026-11-22T12:00:00.184Z",
      finished_at: "2026-11-22T12:00:09.512Z",
      error: {
        kind: "service_unavailable",
        code: "export_source_unavailable",
        message: "The export source is temporarily unavailable.",
        reference: "ref_WUynhlTtRcLzJpURdEj0VWdWnt6Uo6mnwiDL7RSVZJpuuL2_1",
      },
    },
  ],
  metadata: { order: "4711" },
  input: { file: "file_8Jc2mXwP", dataset: "orders" },
  webhook: null,
  limits: {
    start_timeout_ms: null,
    attempt_timeout_ms: 840_000,
    heartbeat_timeout_ms: null,
    total_timeout_ms: 86_400_000,
    retention_ms: 604_800_000,
  },
  queue: null,
  priority: 0,
  concurrency_key: null,
  waiting: null,
  version: 4,
  links: { self, cancel: `${self}/cancel`, events: `${self}/events`, result: `${self}/result` },
};
