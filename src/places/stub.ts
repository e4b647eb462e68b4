/** The calls a place object answers. A place is named by tenant, job type and the type's own rule. */

import type { Env } from "../env.ts";

export type ClaimAnswer = { ok: true } | { ok: false; holder: string };

export type PlaceApi = {
  /** Takes the place for a job, or names the job that holds it. Repeating a claim is harmless. */
  claim(place: { tenant: string; name: string }, jobId: string): Promise<ClaimAnswer>;
  /** Frees the place if this job still has it. */
  release(jobId: string): Promise<void>;
};

/** A fresh stub of the place's object. */
export function placeObject(
  env: Env,
  { tenant, type }: { tenant: string; type: string },
  name: string,
): PlaceApi {
  return env.PLACES.getByName(`${tenant}/${type}/${name}`) as unknown as PlaceApi;
}
