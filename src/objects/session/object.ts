/**
 * A dashboard session: keeps the secret of its cookie, and forgets it when the person signs out or the time is over.
 * The cookie alone, or the secret alone, reveals nothing of the API key.
 */

import { DurableObject } from "cloudflare:workers";
import type { Env } from "../../env.ts";
import { randomBytes } from "../../lib/runtime.ts";
import type { SessionApi } from "../../rpc/session.ts";

const SECRET_KEY = "secret";
const SECRET_BYTES = 32;

export class SessionObject extends DurableObject<Env> implements SessionApi {
  async begin(endsAt: number): Promise<Uint8Array> {
    const secret = randomBytes(SECRET_BYTES);
    this.ctx.storage.kv.put(SECRET_KEY, secret);
    void this.ctx.storage.setAlarm(endsAt);
    return secret;
  }

  async secret(): Promise<Uint8Array | null> {
    return this.ctx.storage.kv.get<Uint8Array>(SECRET_KEY) ?? null;
  }

  async end(): Promise<void> {
    await this.ctx.storage.deleteAll();
  }

  /** The platform repeats it if deleting fails; until then the cookie's own end counts. */
  override async alarm(): Promise<void> {
    await this.end();
  }
}
