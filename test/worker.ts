/** The Worker under test: the product's own, with a few job types more, and messages that tests may keep. */

import type { Env } from "../src/env.ts";
import { jobTypes } from "../src/job-types/index.ts";
import { createService } from "../src/service.ts";
import { testJobTypes } from "./support/job-types.ts";
import { isParked, park } from "./support/parked.ts";

export { JobObject } from "../src/job/object.ts";
export { ListingObject } from "../src/listing/object.ts";
export { PlaceObject } from "../src/places/object.ts";

const service = createService(new Map([...jobTypes, ...testJobTypes]));

export default {
  ...service,
  async queue(batch, env, ctx) {
    for (const { body } of batch.messages) if (isParked(body)) park(body);
    const messages = batch.messages.filter(({ body }) => !isParked(body));
    const rest = new Proxy(batch, {
      get: (target, name) => (name === "messages" ? messages : Reflect.get(target, name)),
    });
    await service.queue?.(rest, env, ctx);
  },
} satisfies ExportedHandler<Env>;
