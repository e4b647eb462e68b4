/** The calls of a unique key object. It is named by tenant, job type and key. */

import type { Env } from "../env.ts";
import { tenantObject } from "./location.ts";

export type ClaimKeyAnswer = { ok: true } | { ok: false; ownerJobId: string };

export type UniqueKeyApi = {
  /** Claims the key for a job, or names the job that owns it. May be repeated. */
  claim(uniqueKey: { tenant: string; name: string }, jobId: string): Promise<ClaimKeyAnswer>;
  /** Releases the key if this job owns it. */
  release(jobId: string): Promise<void>;
};

/** A fresh stub of the key's object. */
export function uniqueKeyObject(
  env: Env,
  { tenant, type }: { tenant: string; type: string },
  name: string,
): UniqueKeyApi {
  return tenantObject(env, "UNIQUE_KEYS", tenant, `/${type}/${name}`) as unknown as UniqueKeyApi;
}
