/**
 * A unique place: remembers which job has it, so that a business rule such as "one active export per user" is
 * one object's single thread. It is only a signpost: whether the holder still holds is asked of the holder, so
 * a place can never stay taken by a job that has finished or does not exist.
 */

import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";
import { jobObject } from "../job/stub.ts";
import type { ClaimAnswer, PlaceApi } from "./stub.ts";

const HOLDER = "holder";

export class PlaceObject extends DurableObject<Env> implements PlaceApi {
  async claim(place: { tenant: string; name: string }, jobId: string): Promise<ClaimAnswer> {
    for (;;) {
      const holder = this.#holder();
      if (holder === jobId) return { ok: true };
      if (holder !== undefined && (await jobObject(this.env, place.tenant, holder).holdsPlace(place.name))) {
        return { ok: false, holder };
      }
      const isUnchanged = this.#holder() === holder;
      if (isUnchanged) {
        this.ctx.storage.kv.put(HOLDER, jobId);
        return { ok: true };
      }
    }
  }

  async release(jobId: string): Promise<void> {
    if (this.#holder() === jobId) await this.ctx.storage.deleteAll();
  }

  #holder(): string | undefined {
    return this.ctx.storage.kv.get<string>(HOLDER);
  }
}
