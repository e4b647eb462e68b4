/** The Worker under test: the product's own, with a few job types more, and messages that tests may keep. */

import type { Env } from "../src/env.ts";
import { createService } from "../src/handlers.ts";
import { jobTypes } from "../src/job-types/index.ts";
import { testJobTypes } from "./support/job-types.ts";
import { isParked, park } from "./support/parked.ts";

export * from "../src/worker.ts";

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
