/**
 * A unique key: stores which job owns it, so that a rule such as "one active export per user" is decided in one
 * thread. It asks the owner whether it still owns the key, so a finished or missing job never blocks it.
 */

import { DurableObject } from "cloudflare:workers";
import type { Env } from "../../env.ts";
import { jobObject } from "../../rpc/job.ts";
import type { ClaimKeyAnswer, UniqueKeyApi } from "../../rpc/unique-key.ts";

const OWNER_KEY = "owner";

export class UniqueKeyObject extends DurableObject<Env> implements UniqueKeyApi {
  async claim(uniqueKey: { tenant: string; name: string }, jobId: string): Promise<ClaimKeyAnswer> {
    for (;;) {
      const ownerJobId = this.#owner();
      if (ownerJobId === jobId) return { ok: true };
      if (
        ownerJobId !== undefined &&
        (await jobObject(this.env, uniqueKey.tenant, ownerJobId).holdsUniqueKey(uniqueKey.name))
      ) {
        return { ok: false, ownerJobId };
      }
      const isUnchanged = this.#owner() === ownerJobId;
      if (isUnchanged) {
        this.ctx.storage.kv.put(OWNER_KEY, jobId);
        return { ok: true };
      }
    }
  }

  async release(jobId: string): Promise<void> {
    if (this.#owner() === jobId) await this.ctx.storage.deleteAll();
  }

  #owner(): string | undefined {
    return this.ctx.storage.kv.get<string>(OWNER_KEY);
  }
}
