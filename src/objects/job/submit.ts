/**
 * How an object answers submissions: with a new job, with its own job, or with an existing job, which its key was
 * answered with before or which owns a unique key.
 */

import type { Submission } from "../../core/job.ts";
import { DAY } from "../../core/time.ts";
import type { Env } from "../../env.ts";
import { now, sleep } from "../../lib/runtime.ts";
import {
  type Deduplicated,
  jobObject,
  type OnConflict,
  type SubmitAnswer,
  type UsedUp,
} from "../../rpc/job.ts";
import type { EnterAnswer } from "../../rpc/queue.ts";
import { uniqueKeyObject } from "../../rpc/unique-key.ts";
import { type Snapshot, toSnapshot } from "../../rpc/views.ts";
import { enterSubmission } from "./queueing.ts";
import type { Alias, JobStore } from "./store.ts";

/** The job of an earlier submission, and why it is the answer to this one. */
type Existing = { deduplicated: Deduplicated; found: Snapshot };

/** What to answer if there is an existing job, and which quota forbids a new one. */
type SubmitTerms = { onConflict: OnConflict; usedUp: UsedUp | null };

/** An owner may be just created or just deleted, so it is read a few times. */
const OWNER_READS_MAX = 10;
const OWNER_READ_INTERVAL_MS = 20;

/** How often the object checks whether the existing job of its key still exists. */
const ALIAS_REVIEW_MS = 30 * DAY;

/** What the object lends: its store, and the hands that make a job and set the alarm. */
type SubmissionDependencies = {
  store: JobStore;
  create: (submission: Submission, id: string, entered: EnterAnswer | null) => Snapshot;
  /** An id that no job has had. */
  newId: () => string;
  fireAt: (at: number) => void;
};

/** The submissions of one object. */
export class Submissions {
  readonly #env: Env;
  readonly #object: SubmissionDependencies;
  #inProgress = 0;
  /** The id of the job that the submissions in progress may make; null if there are none. */
  #nextId: string | null = null;

  constructor(env: Env, object: SubmissionDependencies) {
    this.#env = env;
    this.#object = object;
  }

  /** Whether a submission in progress may make this job: its unique keys count as owned, though nothing is stored. */
  isSubmitting(id: string): boolean {
    return this.#nextId === id;
  }

  async submit(submission: Submission, terms: SubmitTerms): Promise<SubmitAnswer> {
    const known = this.#answerKnown(submission);
    if (known) return known;
    this.#inProgress += 1;
    try {
      return await this.#answer(submission, terms);
    } finally {
      this.#inProgress -= 1;
      if (this.#inProgress === 0) this.#nextId = null;
    }
  }

  /** Called by the alarm of an object without a job: deletes an alias whose job is gone, else checks again later. */
  async purgeStaleAlias(): Promise<void> {
    const { store, fireAt } = this.#object;
    const alias = store.loadAlias();
    const found = alias && (await jobObject(this.#env, alias.tenant, alias.ownerJobId).read());
    if (found) fireAt(now() + ALIAS_REVIEW_MS);
    else if (!store.load()) await store.deleteAll();
  }

  /** What to say if this object already has a job: the same request again, or another with its key. */
  #answerKnown({ fingerprint }: Submission): SubmitAnswer | null {
    const job = this.#object.store.load();
    if (!job) return null;
    return job.fingerprint === fingerprint
      ? { kind: "existing", deduplicated: "idempotency_key", ...toSnapshot(job, now()) }
      : { kind: "key_reused" };
  }

  /** Claims unique keys and reads their owners, which awaits; starts again if the alias or the id changed meanwhile. */
  async #answer(submission: Submission, terms: SubmitTerms): Promise<SubmitAnswer> {
    const { store, newId } = this.#object;
    for (;;) {
      this.#nextId ??= newId();
      const id = this.#nextId;
      const alias = store.loadAlias();
      const existing = await findExistingJob(this.#env, submission, id, alias);
      const isRefused = existing !== null || terms.usedUp !== null;
      const entered = isRefused ? null : await enterSubmission(this.#env, submission, id, now());
      const known = this.#answerKnown(submission);
      if (known) return known;
      if (store.loadAlias()?.ownerJobId === alias?.ownerJobId && this.#nextId === id)
        return this.#conclude(submission, id, { existing, entered }, terms);
    }
  }

  /** Makes the job, unless there is an existing one. The key keeps that answer. */
  #conclude(
    submission: Submission,
    id: string,
    { existing, entered }: { existing: Existing | "key_reused" | null; entered: EnterAnswer | null },
    { onConflict, usedUp }: SubmitTerms,
  ): SubmitAnswer {
    if (existing === "key_reused") return { kind: "key_reused" };
    if (!existing && usedUp) return { kind: "quota_exceeded", ...usedUp };
    if (entered?.kind === "full") return { ...entered, kind: "backlog_full" };
    if (!existing) {
      this.#object.store.dropAlias();
      this.#nextId = null;
      return { kind: "accepted", ...this.#object.create(submission, id, entered) };
    }
    const { deduplicated, found } = existing;
    if (deduplicated === "idempotency_key") return { kind: "existing", deduplicated, ...found };
    if (onConflict === "reject") return { kind: "duplicate", jobId: found.job.id };
    this.#keepAnswer(submission, found.job.id);
    return { kind: "existing", deduplicated, ...found };
  }

  /** The idempotency key of the submission, if it has one, keeps the answer as long as that job exists. */
  #keepAnswer({ tenant, fingerprint }: Submission, ownerJobId: string): void {
    if (fingerprint === null) return;
    this.#object.store.saveAlias({ tenant, fingerprint, ownerJobId });
    this.#object.fireAt(now() + ALIAS_REVIEW_MS);
  }
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
