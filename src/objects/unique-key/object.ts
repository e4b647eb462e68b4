/**
 * A unique place: remembers which job has it, so that a business rule such as "one active export per user" is
 * one object's single thread. It is only a signpost: whether the holder still holds is asked of the holder, so
 * a place can never stay taken by a job that has finished or does not exist.
 */

import { DurableObject } from "cloudflare:workers";
import type { Env } from "../../env.ts";
import { jobObject } from "../../rpc/job.ts";
import type { ClaimKeyAnswer, UniqueKeyApi } from "../../rpc/unique-key.ts";

const OWNER_KEY = "owner";

export class UniqueKeyObject extends DurableObject<Env> implements UniqueKeyApi {
  async claim(place: { tenant: string; name: string }, jobId: string): Promise<ClaimKeyAnswer> {
    for (;;) {
      const ownerJobId = this.#owner();
      if (ownerJobId === jobId) return { ok: true };
      if (
        ownerJobId !== undefined &&
        (await jobObject(this.env, place.tenant, ownerJobId).holdsUniqueKey(place.name))
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
