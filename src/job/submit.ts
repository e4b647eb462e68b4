/**
 * Whether a submission may become a job, or another job already stands in its stead: the one its key was
 * answered with before, or the one that holds a place it needs. Asks places and holders; stores nothing.
 */

import type { Submission } from "../core/job.ts";
import type { Env } from "../env.ts";
import { placeObject } from "../places/stub.ts";
import type { Alias } from "./store.ts";
import { jobObject, type Snapshot } from "./stub.ts";

/** The job that stands in a submission's stead, and why; `isAlias` if the key remembered it. */
export type Held = {
  kind: "replayed" | "unique_conflict" | "key_reused";
  found: Snapshot;
  isAlias: boolean;
};

/** A holder may be just being made, or just gone; a few more looks settle it. */
const LOOKS_MAX = 10;

/** Takes all places of the submission and answers null, or answers the job that keeps it out. */
export async function findHolder(
  env: Env,
  submission: Submission,
  alias: Alias | undefined,
): Promise<Held | null> {
  if (alias) {
    const found = await jobObject(env, submission.tenant, alias.holder).read();
    const isSame = alias.fingerprint === submission.fingerprint;
    if (found) return { kind: isSame ? "replayed" : "key_reused", found, isAlias: true };
  }
  for (const place of submission.places) {
    const found = await claimPlace(env, submission, place.name);
    const kind = place.rule === "unique" ? "unique_conflict" : "replayed";
    if (found) return { kind, found, isAlias: false };
  }
  return null;
}

async function claimPlace(env: Env, submission: Submission, name: string): Promise<Snapshot | null> {
  const { id, tenant } = submission;
  for (let looks = 0; looks < LOOKS_MAX; looks += 1) {
    const claim = await placeObject(env, submission, name).claim({ tenant, name }, id);
    if (claim.ok) return null;
    const found = await jobObject(env, tenant, claim.holder).read();
    if (found) return found;
  }
  throw new Error(`The holder of a place could not be found after ${LOOKS_MAX} looks.`);
}
