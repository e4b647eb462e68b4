/** The calls a place object answers. A place is named by tenant, job type and the type's own rule. */

import type { Env } from "../env.ts";

export type ClaimKeyAnswer = { ok: true } | { ok: false; ownerJobId: string };

export type UniqueKeyApi = {
  /** Takes the place for a job, or names the job that holds it. Repeating a claim is harmless. */
  claim(place: { tenant: string; name: string }, jobId: string): Promise<ClaimKeyAnswer>;
  /** Frees the place if this job still has it. */
  release(jobId: string): Promise<void>;
};

/** A fresh stub of the place's object. */
export function uniqueKeyObject(
  env: Env,
  { tenant, type }: { tenant: string; type: string },
  name: string,
): UniqueKeyApi {
  return env.UNIQUE_KEYS.getByName(`${tenant}/${type}/${name}`) as unknown as UniqueKeyApi;
}
