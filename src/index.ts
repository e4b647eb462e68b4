/** The Worker's entry: the handlers and the classes the platform looks for. No logic. */

import { jobTypes } from "./job-types/index.ts";
import { createService } from "./service.ts";

export { JobObject } from "./job/object.ts";
export { ListingObject } from "./listing/object.ts";
export { PlaceObject } from "./places/object.ts";

export default createService(jobTypes);
