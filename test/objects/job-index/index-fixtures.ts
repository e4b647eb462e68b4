/** Job indexes for tests: entries without job objects, and what the index lists of them. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { JobStatus } from "../../../src/core/job.ts";
import { DAY, SECOND } from "../../../src/core/time.ts";
import type { IndexEntry, JobFilter } from "../../../src/rpc/index-entry.ts";
import type { JobRef } from "../../../src/rpc/job.ts";
import { type JobIndexApi, partitionObject } from "../../../src/rpc/job-index.ts";
import type { JobView } from "../../../src/rpc/views.ts";
import { absentJobId, jobsWith } from "../../support/job-namespace.ts";

export const T0 = Date.UTC(2026, 10, 22, 12);

export const everything: JobFilter = {
  statuses: [],
  types: [],
  createdAfter: null,
  createdBefore: null,
  metadata: {},
};

type Wish = {
  id?: string;
  type?: string;
  status?: JobStatus;
  version?: number;
  createdAt?: number;
  metadata?: Record<string, string>;
  dueAt?: number;
  attempt?: number;
  purgeAt?: number;
  queueTimeMs?: number;
  runTimeMs?: number;
};

/** Every test's listing has this one partition. */
export const PARTITION = { name: "2026-11/0", from: Date.UTC(2026, 10), until: Date.UTC(2026, 11) };

let _made = 0;

/** An entry as a job of these properties would publish it. */
export function entry(wish: Wish = {}): IndexEntry {
  _made += 1;
  const { id = absentJobId(), type = "test.simulate", status = "queued" } = wish;
  const { createdAt = T0, version = 1, metadata = {}, attempt = 0 } = wish;
  const isFinished = status !== "queued" && status !== "running";
  const job = { id, type, status, status_reason: null, version, metadata, attempt } as JobView;
  return {
    job,
    partition: PARTITION,
    createdAt,
    finishedAt: isFinished ? createdAt + SECOND : null,
    dueAt: isFinished ? null : (wish.dueAt ?? createdAt + 30_000),
    purgeAt: isFinished ? (wish.purgeAt ?? createdAt + 30 * DAY) : null,
    queueTimeMs: wish.queueTimeMs ?? null,
    runTimeMs: wish.runTimeMs ?? null,
  };
}

/** The listing of a tenant that no other test uses, and its stub for looking inside. */
export function openListing(tenant = `listed-${crypto.randomUUID().slice(0, 8)}`) {
  const api = (): JobIndexApi => partitionObject(env, tenant, PARTITION.name);
  const stub = env.JOB_INDEXES.getByName(`${tenant}/${PARTITION.name}`) as unknown as DurableObjectStub;
  return {
    tenant,
    api,
    stub,
    /** When the next sweep is due. */
    alarm: () => runInDurableObject(stub, (_, { storage }) => storage.getAlarm()),
    publish: (...entries: IndexEntry[]) => Promise.all(entries.map((one) => api().publish(tenant, one))),
    publishDurably: (one: IndexEntry) => api().publishDurably(tenant, one),
    /** The ids of all jobs a filter chooses, page by page. */
    async ids(filter: Partial<JobFilter> = {}, limit = 100): Promise<string[]> {
      const ids: string[] = [];
      let after = null;
      do {
        const page = await api().page({ ...everything, ...filter }, after, limit);
        ids.push(...page.jobs.map(({ id }) => id));
        after = page.next;
      } while (after);
      return ids;
    },
    async job(id: string): Promise<JobView | undefined> {
      const { jobs } = await api().page(everything, null, 100);
      return jobs.find((job) => job.id === id);
    },
  };
}

export type Listing = ReturnType<typeof openListing>;

/** An entry of a job that finished now and is kept for 30 days. */
export const finishedNow = (wish: Parameters<typeof entry>[0] = {}) =>
  entry({ status: "succeeded", createdAt: Date.now(), purgeAt: Date.now() + 30 * DAY, ...wish });

/** Runs a sweep; `answer` plays the jobs. Returns the ids that were reconciled. */
export async function review(
  listing: Listing,
  answer: (id: string) => Promise<IndexEntry | null>,
): Promise<string[]> {
  const reconciled: string[] = [];
  const reconcile = async (id: string) => {
    reconciled.push(id);
    return answer(id);
  };
  const JOBS = jobsWith(() => ({ reconcile: ({ id }: JobRef) => reconcile(id) }));
  await runInDurableObject(listing.stub, async (object) => {
    const held = object as unknown as { env: typeof env; alarm(): Promise<void> };
    const before = held.env;
    held.env = { ...before, JOBS } as unknown as typeof env;
    await held.alarm();
    held.env = before;
  });
  return reconciled;
}
