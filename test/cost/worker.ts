/** The Worker under test with a meter in every object. Its queues keep their messages: the ledger delivers them itself. */

import type { Env } from "../../src/env.ts";
import { JobObject as Job } from "../../src/objects/job/object.ts";
import { JobIndexObject as Listing } from "../../src/objects/job-index/object.ts";
import { UniqueKeyObject as Place } from "../../src/objects/unique-key/object.ts";
import { isParked, park } from "../support/parked.ts";
import { bill, meteredEnv, meterStorage } from "./meter.ts";

export class JobObject extends Job {
  constructor(ctx: DurableObjectState, env: Env) {
    meterStorage(ctx.storage);
    super(ctx, meteredEnv(env));
  }

  override async alarm(): Promise<void> {
    bill("objectRequests");
    await super.alarm();
  }
}

export class UniqueKeyObject extends Place {
  constructor(ctx: DurableObjectState, env: Env) {
    meterStorage(ctx.storage);
    super(ctx, meteredEnv(env));
  }
}

export class JobIndexObject extends Listing {
  constructor(ctx: DurableObjectState, env: Env) {
    meterStorage(ctx.storage);
    super(ctx, meteredEnv(env));
  }

  override async alarm(): Promise<void> {
    bill("objectRequests");
    await super.alarm();
  }
}

export default {
  fetch: () => new Response(null, { status: 404 }),
  async queue({ messages }) {
    for (const { body } of messages) if (isParked(body)) park(body);
  },
} satisfies ExportedHandler<Env>;
