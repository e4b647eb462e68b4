/**
 * How an object answers submissions: with a new job, with its own job, or with an existing job, which its key was
 * answered with before or which owns a unique key.
 */

import type { Submission } from "../../core/job.ts";
import { DAY } from "../../core/time.ts";
import type { Env } from "../../env.ts";
import { now, sleep } from "../../lib/runtime.ts";
import { type Deduplicated, jobObject, type OnConflict, type SubmitAnswer } from "../../rpc/job.ts";
import { uniqueKeyObject } from "../../rpc/unique-key.ts";
import type { Snapshot } from "../../rpc/views.ts";
import type { Alias, JobStore } from "./store.ts";

/** The job of an earlier submission, and why it is the answer to this one. */
type Existing = { deduplicated: Deduplicated; found: Snapshot };

/** An owner may be just created or just deleted, so it is read a few times. */
const OWNER_READS_MAX = 10;
const OWNER_READ_INTERVAL_MS = 20;

/** How often the object checks whether the existing job of its key still exists. */
const ALIAS_REVIEW_MS = 30 * DAY;

/** What the object lends: its store, and the hands that make a job and set the alarm. */
type SubmissionDependencies = {
  store: JobStore;
  snapshot: () => Snapshot | null;
  create: (submission: Submission, id: string) => Snapshot;
  /** An id that no job has had. */
  newId: () => string;
  fireAt: (at: number) => void;
};

/** The submissions of one object. */
export function openSubmissions(
  env: Env,
  { store, snapshot, create, newId, fireAt }: SubmissionDependencies,
) {
  let submitting = 0;
  /** The id of the job that the submissions in progress may make; null if there are none. */
  let nextId: string | null = null;

  /** What to say if this object already has a job: the same request again, or another with its key. */
  function answerKnown({ fingerprint }: Submission): SubmitAnswer | null {
    const found = snapshot();
    if (!found) return null;
    return store.load()?.fingerprint === fingerprint
      ? { kind: "existing", deduplicated: "idempotency_key", ...found }
      : { kind: "key_reused" };
  }

  /** Claims unique keys and reads their owners, which awaits; starts again if the alias or the id changed meanwhile. */
  async function answer(submission: Submission, onConflict: OnConflict): Promise<SubmitAnswer> {
    for (;;) {
      nextId ??= newId();
      const id = nextId;
      const alias = store.loadAlias();
      const existing = await findExistingJob(env, submission, id, alias);
      const known = answerKnown(submission);
      if (known) return known;
      if (store.loadAlias()?.ownerJobId === alias?.ownerJobId && nextId === id)
        return conclude(submission, id, existing, onConflict);
    }
  }

  /** Makes the job, unless there is an existing one. The key keeps that answer. */
  function conclude(
    submission: Submission,
    id: string,
    existing: Existing | "key_reused" | null,
    onConflict: OnConflict,
  ): SubmitAnswer {
    if (existing === "key_reused") return { kind: "key_reused" };
    if (!existing) {
      store.dropAlias();
      nextId = null;
      return { kind: "accepted", ...create(submission, id) };
    }
    const { deduplicated, found } = existing;
    if (deduplicated === "unique_key" && onConflict === "reject")
      return { kind: "duplicate", jobId: found.job.id };
    if (submission.fingerprint !== null && deduplicated !== "idempotency_key") {
      store.saveAlias({
        tenant: submission.tenant,
        fingerprint: submission.fingerprint,
        ownerJobId: found.job.id,
      });
      fireAt(now() + ALIAS_REVIEW_MS);
    }
    return { kind: "existing", deduplicated, ...found };
  }

  return {
    /** Whether a submission in progress may make this job: its unique keys count as owned, though nothing is stored. */
    isSubmitting: (id: string) => nextId === id,

    async submit(submission: Submission, onConflict: OnConflict): Promise<SubmitAnswer> {
      const known = answerKnown(submission);
      if (known) return known;
      submitting += 1;
      try {
        return await answer(submission, onConflict);
      } finally {
        submitting -= 1;
        if (submitting === 0) nextId = null;
      }
    },

    /**
     * Called by the alarm of an object without a job: deletes an alias whose job is gone, else checks again later.
     */
    async purgeStaleAlias(): Promise<void> {
      const alias = store.loadAlias();
      const found = alias && (await jobObject(env, alias.tenant, alias.ownerJobId).read());
      if (found) fireAt(now() + ALIAS_REVIEW_MS);
      else if (!store.load()) await store.deleteAll();
    },
  };
}

/** Claims all unique keys of the submission; returns null, or the existing job. */
async function findExistingJob(
  env: Env,
  submission: Submission,
  id: string,
  alias: Alias | undefined,
): Promise<Existing | "key_reused" | null> {
  if (alias) {
    const found = await jobObject(env, submission.tenant, alias.ownerJobId).read();
    const isSame = alias.fingerprint === submission.fingerprint;
    if (found) return isSame ? { deduplicated: "idempotency_key", found } : "key_reused";
  }
  for (const { rule, name } of submission.uniqueKeys) {
    const found = await claimUniqueKey(env, submission, id, name);
    if (found) return { deduplicated: rule, found };
  }
  return null;
}

async function claimUniqueKey(
  env: Env,
  submission: Submission,
  id: string,
  name: string,
): Promise<Snapshot | null> {
  const { tenant } = submission;
  for (let looks = 0; looks < OWNER_READS_MAX; looks += 1) {
    const claim = await uniqueKeyObject(env, submission, name).claim({ tenant, name }, id);
    if (claim.ok) return null;
    const found = await jobObject(env, tenant, claim.ownerJobId).read();
    if (found) return found;
    await sleep(OWNER_READ_INTERVAL_MS);
  }
  throw new Error(`The owner of a unique key was not found after ${OWNER_READS_MAX} reads.`);
}
