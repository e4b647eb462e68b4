/** The real modules that a simulated world runs, in one piece; see load.ts for what they stand on there. */

export { isFinished } from "../../src/core/job.ts";
export { readReplay, readSubmission } from "../../src/http/submission.ts";
export { JobObject } from "../../src/job/object.ts";
export { presentJob } from "../../src/job/present.ts";
export { openJobStore } from "../../src/job/store.ts";
export { jobObject } from "../../src/job/stub.ts";
export { pause } from "../../src/lib/world.ts";
export { ListingObject } from "../../src/listing/object.ts";
export { listingObject } from "../../src/listing/stub.ts";
export { PlaceObject } from "../../src/places/object.ts";
export { consume } from "../../src/queue/consumer.ts";
export { consumeDeliveries } from "../../src/webhooks/deliver.ts";
export { simulatedJobTypes } from "./job-types.ts";
