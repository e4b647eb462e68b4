/** What a queue knows: the jobs in it, and its limits. Every `…At` is epoch milliseconds. */

/** Starts are spaced evenly, `perMs / count` apart; `burst` of them may follow each other at once. */
export type StartRate = { count: number; perMs: number; burst: number };

/** Null is no limit. */
export type QueueLimits = {
  concurrency: number | null;
  concurrencyPerKey: number | null;
  concurrencyPerTenant: number | null;
  starts: StartRate | null;
  startsPerKey: StartRate | null;
  backlog: number | null;
  backlogPerTenant: number | null;
};
export type QueueLimitName = keyof QueueLimits;

export const defaultQueueLimits: QueueLimits = {
  concurrency: null,
  concurrencyPerKey: null,
  concurrencyPerTenant: null,
  starts: null,
  startsPerKey: null,
  backlog: 10_000,
  backlogPerTenant: null,
};

/** The limits that hold now; `keys` has the concurrency of single keys. */
export type FlowRules = { limits: QueueLimits; keys: Record<string, number>; isPaused: boolean };

/** A job in a queue. */
export type QueueEntry = {
  jobId: string;
  tenant: string;
  /** The tenant's share, 1 to 100. */
  weight: number;
  type: string;
  /** Whether a remote worker claims it; else its message is sent when it may start. */
  isRemote: boolean;
  /** The fleet to call if no worker asks for it. */
  wakeUrl?: string | null;
  key: string | null;
  enteredAt: number;
  /** A head start in seconds. */
  priority: number;
  attempt: number;
  continuation: number;
  attemptTimeoutMs: number;
};

/** What a limit forbids, and when it may allow it; null if only a job that leaves can change that. */
export type Blocked = { limit: QueueLimitName; againAt: number | null };

/** A priority is as if the job had entered so many seconds earlier. */
function orderOf({ enteredAt, priority }: QueueEntry): number {
  return enteredAt - priority * 1_000;
}

/** Negative if `one` starts before the other. */
export function byOrder(one: QueueEntry, other: QueueEntry): number {
  return orderOf(one) - orderOf(other);
}

/** Where the entry belongs in a sorted list: after those of the same order. */
export function placeOf(list: readonly QueueEntry[], entry: QueueEntry): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const known = list[middle];
    if (known && byOrder(known, entry) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
