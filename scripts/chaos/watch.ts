/** Reads jobs over and over while the service dies and comes back, and names every move that is not a legal one. */

import { setTimeout as pause } from "node:timers/promises";
import type { JobView } from "../../src/rpc/views.ts";
import { type Client, isFinished } from "./client.ts";

const READERS = 4;

/** Between two reads of a reader; all of them stay well below what a key may ask in a minute. */
const READ_MS = 40;

/** A finished job is read again in one round of so many: finished must be final. */
const FINISHED_EVERY = 20;

const LEGAL: Record<JobView["status"], readonly JobView["status"][]> = {
  queued: ["queued", "running", "succeeded", "failed", "cancelled"],
  running: ["running", "succeeded", "failed", "cancelled"],
  succeeded: ["succeeded"],
  failed: ["failed"],
  cancelled: ["cancelled"],
};

export type Watch = ReturnType<typeof watch>;

/** Watches the jobs in `ids`, which may grow, until it is stopped. */
export function watch(client: Client, ids: ReadonlySet<string>) {
  const seen = new Map<string, JobView>();
  const offences: string[] = [];
  const stopped = new AbortController();

  async function look(id: string): Promise<void> {
    const job = await client.read(id);
    if (!job) return;
    const last = seen.get(id);
    if (last && last.version <= job.version) offences.push(...movesWrong(last, job));
    if (!last || last.version <= job.version) seen.set(id, job);
  }

  async function readOn(): Promise<void> {
    for (let round = 0; !stopped.signal.aborted; round += 1) {
      for (const id of ids) {
        const last = seen.get(id);
        if (stopped.signal.aborted) return;
        if (last && isFinished(last) && round % FINISHED_EVERY > 0) continue;
        await look(id);
        await pause(READ_MS);
      }
      await pause(READ_MS);
    }
  }

  const reading = Promise.all(Array.from({ length: READERS }, readOn));
  return {
    offences,
    hasFinished: (id: string) => isFinished(seen.get(id) ?? ({ status: "queued" } as JobView)),
    /** When the job goes on, as it last said, in epoch milliseconds; 0 if it did not say. */
    nextAttemptAt: (id: string) => Date.parse(seen.get(id)?.next_attempt_at ?? "") || 0,
    async stop(): Promise<void> {
      stopped.abort();
      await reading;
    },
  };
}

function movesWrong(from: JobView, to: JobView): string[] {
  const isLegal = LEGAL[from.status].includes(to.status);
  const isFinal = !isFinished(from) || from.finished_at === to.finished_at;
  const move = `${to.id} moved from ${from.status} to ${to.status}`;
  return isLegal && isFinal ? [] : [`${move}, finished at ${from.finished_at} and ${to.finished_at}`];
}
