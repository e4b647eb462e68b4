/**
 * How one object answers submissions: with the job they make, with the job it already has, or with another job that
 * stands in their stead: the one its key was answered with before, or the one that holds a place it needs.
 */

import type { Submission } from "../core/job.ts";
import type { Env } from "../env.ts";
import { now, pause } from "../lib/world.ts";
import { placeObject } from "../places/stub.ts";
import type { Alias, JobStore } from "./store.ts";
import { jobObject, type Snapshot, type SubmitAnswer } from "./stub.ts";

type OnConflict = "return" | "reject";

/** The job that stands in a submission's stead, and why; `isAlias` if the key remembered it. */
type Held = { kind: "replayed" | "unique_conflict" | "key_reused"; found: Snapshot; isAlias: boolean };

/** A holder may be just being made, or just gone; a few more looks settle it. */
const LOOKS_MAX = 10;
const LOOK_PAUSE_MS = 20;

/** How often a key that stands for another's job looks whether that job still exists: it lasts as long. */
const ALIAS_REVIEW_MS = 30 * 24 * 60 * 60_000;

/** What the object lends: its store, and the hands that make a job and set the alarm. */
type Hands = {
  store: JobStore;
  snapshot: () => Snapshot | null;
  make: (submission: Submission) => Snapshot;
  ringAt: (at: number) => void;
};

/** The submissions of one object. */
export function openSubmissions(env: Env, { store, snapshot, make, ringAt }: Hands) {
  let underWay = 0;

  /** What to say if this object already has a job: the same request again, or another with its key. */
  function answerKnown({ fingerprint }: Submission): SubmitAnswer | null {
    const found = snapshot();
    if (!found) return null;
    return store.load()?.fingerprint === fingerprint
      ? { kind: "replayed", ...found }
      : { kind: "key_reused" };
  }

  /** Asks places and holders, for which it must wait; looks again if the key was given an alias meanwhile. */
  async function answer(submission: Submission, onConflict: OnConflict): Promise<SubmitAnswer> {
    for (;;) {
      const alias = store.loadAlias();
      const held = await findHolder(env, submission, alias);
      const known = answerKnown(submission);
      if (known) return known;
      if (store.loadAlias()?.holder === alias?.holder) return conclude(submission, held, onConflict);
    }
  }

  /** Makes the job, unless another stands in its stead. A key that was so answered keeps its answer. */
  function conclude(submission: Submission, held: Held | null, onConflict: OnConflict): SubmitAnswer {
    if (!held) {
      store.dropAlias();
      return { kind: "accepted", ...make(submission) };
    }
    const { kind, found, isAlias } = held;
    if (kind === "unique_conflict" && onConflict === "reject")
      return { kind: "place_taken", jobId: found.job.id };
    if (kind === "key_reused") return { kind };
    if (submission.fingerprint !== null && !isAlias) {
      store.saveAlias({
        tenant: submission.tenant,
        fingerprint: submission.fingerprint,
        holder: found.job.id,
      });
      ringAt(now() + ALIAS_REVIEW_MS);
    }
    return { kind, ...found };
  }

  return {
    /** Whether places this object is taking count as held, though nothing is stored yet. */
    isUnderWay: () => underWay > 0,

    async submit(submission: Submission, onConflict: OnConflict): Promise<SubmitAnswer> {
      const known = answerKnown(submission);
      if (known) return known;
      underWay += 1;
      try {
        return await answer(submission, onConflict);
      } finally {
        underWay -= 1;
      }
    },

    /** Called by the alarm of an object without a job: forgets an alias whose job is gone, else looks again later. */
    async reviewAlias(): Promise<void> {
      const alias = store.loadAlias();
      const found = alias && (await jobObject(env, alias.tenant, alias.holder).read());
      if (found) ringAt(now() + ALIAS_REVIEW_MS);
      else if (!store.load()) await store.erase();
    },
  };
}

/** Takes all places of the submission and answers null, or answers the job that keeps it out. */
async function findHolder(env: Env, submission: Submission, alias: Alias | undefined): Promise<Held | null> {
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
    await pause(LOOK_PAUSE_MS);
  }
  throw new Error(`The holder of a place could not be found after ${LOOKS_MAX} looks.`);
}
