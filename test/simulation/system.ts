/** The real modules that a simulated world runs, in one piece; see load.ts for what they stand on there. */

export { isFinished } from "../../src/core/job.ts";
export { sleep } from "../../src/lib/runtime.ts";
export { DatasetObject } from "../../src/objects/dataset/object.ts";
export { FilesObject } from "../../src/objects/files/object.ts";
export { IndexDirectoryObject } from "../../src/objects/index-directory/object.ts";
export { JobObject } from "../../src/objects/job/object.ts";
export { openJobStore } from "../../src/objects/job/store.ts";
export { JobIndexObject } from "../../src/objects/job-index/object.ts";
export { QueueObject } from "../../src/objects/queue/object.ts";
export { UniqueKeyObject } from "../../src/objects/unique-key/object.ts";
export { declareQueues } from "../../src/rpc/declared-queues.ts";
export { jobObject, submissionObject } from "../../src/rpc/job.ts";
export { partitionOf } from "../../src/rpc/job-index.ts";
export { tenantIndex } from "../../src/rpc/tenant-index.ts";
export { toJobView } from "../../src/rpc/views.ts";
export { consumeJobs } from "../../src/runner/consumer.ts";
export { toSubmittable } from "../../src/submission/code-type.ts";
export { readReplay, readSubmission } from "../../src/submission/submission.ts";
export { jobQueueBindings } from "../../src/transport/queues.ts";
export { consumeDeliveries } from "../../src/webhooks/deliver.ts";
export { simulatedJobTypes, simulatedQueues } from "./job-types.ts";
