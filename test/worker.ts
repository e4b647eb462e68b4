/** The Worker under test: the product's own, with a few job types more that only tests need. */

import { jobTypes } from "../src/job-types/index.ts";
import { createService } from "../src/service.ts";
import { testJobTypes } from "./support/job-types.ts";

export { JobObject } from "../src/job/object.ts";
export { PlaceObject } from "../src/places/object.ts";

export default createService(new Map([...jobTypes, ...testJobTypes]));
