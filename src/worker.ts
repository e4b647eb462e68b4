/** The Worker's entry: the handlers and the classes the platform looks for. No logic. */

import { createService } from "./handlers.ts";
import { jobTypes } from "./job-types/index.ts";

export { DatasetObject } from "./objects/dataset/object.ts";
export { FilesObject } from "./objects/files/object.ts";
export { IndexDirectoryObject } from "./objects/index-directory/object.ts";
export { JobObject } from "./objects/job/object.ts";
export { JobIndexObject } from "./objects/job-index/object.ts";
export { QueueObject } from "./objects/queue/object.ts";
export { SessionObject } from "./objects/session/object.ts";
export { TenantObject } from "./objects/tenant/object.ts";
export { TenantDirectoryObject } from "./objects/tenant-directory/object.ts";
export { UniqueKeyObject } from "./objects/unique-key/object.ts";

export default createService(jobTypes);
