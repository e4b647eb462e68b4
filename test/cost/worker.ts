/** The Worker under test with a meter in every object. Its queues keep their messages: the ledger delivers them itself. */

import type { Env } from "../../src/env.ts";
import * as objects from "../../src/worker.ts";
import { isParked, park } from "../support/parked.ts";
import { bill, meteredEnv, meterLog, meterStorage } from "./meter.ts";

meterLog();

export { DatasetObject, FilesObject, SessionObject } from "../../src/worker.ts";

export class JobObject extends objects.JobObject {
  constructor(ctx: DurableObjectState, env: Env) {
    meterStorage(ctx.storage);
    super(ctx, meteredEnv(env));
  }

  override async alarm(): Promise<void> {
    bill("objectRequests");
    await super.alarm();
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    bill("socketMessages");
    await super.webSocketMessage(socket, message);
  }
}

export class UniqueKeyObject extends objects.UniqueKeyObject {
  constructor(ctx: DurableObjectState, env: Env) {
    meterStorage(ctx.storage);
    super(ctx, meteredEnv(env));
  }
}

export class QueueObject extends objects.QueueObject {
  constructor(ctx: DurableObjectState, env: Env) {
    meterStorage(ctx.storage);
    super(ctx, meteredEnv(env));
  }

  override async alarm(): Promise<void> {
    bill("objectRequests");
    await super.alarm();
  }
}

export class IndexDirectoryObject extends objects.IndexDirectoryObject {
  constructor(ctx: DurableObjectState, env: Env) {
    meterStorage(ctx.storage);
    super(ctx, meteredEnv(env));
  }
}

export class JobIndexObject extends objects.JobIndexObject {
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
