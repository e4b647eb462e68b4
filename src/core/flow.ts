/**
 * Which job of a queue starts next, and why another one waits. Pure: time is an argument. It knows entries and limits,
 * no storage. Every `…At` is epoch milliseconds.
 */

import { type Blocked, byOrder, type FlowRules, placeOf, type QueueEntry, type StartRate } from "./queue.ts";

/** The waiting jobs of one tenant by their key, each list in the order of starting. */
type Lists = Map<string | null, QueueEntry[]>;

const RATE_OF_ALL = "";

export class Flow {
  readonly #waiting = new Map<string, Lists>();
  readonly #running = new Map<string, QueueEntry>();
  readonly #counts = new Map<string, number>();
  /** When the next start is due by each rate (GCRA's theoretical arrival time). */
  readonly #dueBy: Map<string, number>;
  /** The share each tenant has had, and that of the last start: an idle tenant saves nothing up. */
  readonly #served = new Map<string, number>();
  #lastServed = 0;

  /** `rates` are the stored due times. */
  constructor(rates: Iterable<[string, number]> = []) {
    this.#dueBy = new Map(rates);
  }

  /** Adds a job that waits. One that is known must leave before. */
  wait(entry: QueueEntry): void {
    const lists = this.#waiting.get(entry.tenant) ?? new Map<string | null, QueueEntry[]>();
    this.#waiting.set(entry.tenant, lists);
    const list = lists.get(entry.key) ?? [];
    lists.set(entry.key, list);
    list.splice(placeOf(list, entry), 0, entry);
    this.#count(waitingOf(entry.tenant), 1);
    this.#count(WAITING, 1);
  }

  /** Adds a job that has a slot. */
  hold(entry: QueueEntry): void {
    this.#running.set(entry.jobId, entry);
    for (const name of countersOf(entry)) this.#count(name, 1);
  }

  /** Removes a job that waits, or that has a slot. */
  leave(entry: QueueEntry): void {
    if (this.#running.delete(entry.jobId)) {
      for (const name of countersOf(entry)) this.#count(name, -1);
      return;
    }
    const lists = this.#waiting.get(entry.tenant);
    const list = lists?.get(entry.key) ?? [];
    const at = list.findIndex(({ jobId }) => jobId === entry.jobId);
    if (at === -1) return;
    list.splice(at, 1);
    if (list.length === 0) lists?.delete(entry.key);
    if (lists?.size === 0) this.#waiting.delete(entry.tenant);
    this.#count(waitingOf(entry.tenant), -1);
    this.#count(WAITING, -1);
  }

  /**
   * The job that may start now. Of the tenants that may start one, that with the fewest running jobs per weight is next,
   * then that which was served least; of its jobs, the earliest whose key is free.
   */
  next(rules: FlowRules, now: number, isWanted: (entry: QueueEntry) => boolean): QueueEntry | null {
    if (rules.isPaused || this.#blockedForAll(rules, now)) return null;
    let best: QueueEntry | null = null;
    for (const [tenant, lists] of this.#waiting) {
      if (this.#blockedForTenant(rules, tenant)) continue;
      for (const list of lists.values()) {
        const first = list.find(isWanted);
        if (!first || this.#blockedForKey(rules, first, now)) continue;
        if (best === null || this.#isBefore(first, best)) best = first;
      }
    }
    return best;
  }

  /** Gives the job a slot: it counts as running and as a start from now on. Returns the rates that changed. */
  start(rules: FlowRules, entry: QueueEntry, now: number): [string, number][] {
    this.leave(entry);
    this.hold(entry);
    const share = this.#share(entry.tenant) + 1 / entry.weight;
    this.#served.set(entry.tenant, share);
    this.#lastServed = share - 1 / entry.weight;
    const { starts, startsPerKey } = rules.limits;
    const rates: [string, number][] = [];
    if (starts) rates.push([RATE_OF_ALL, this.#advance(RATE_OF_ALL, starts, now)]);
    const name = rateOf(entry);
    if (startsPerKey && name !== null) rates.push([name, this.#advance(name, startsPerKey, now)]);
    return rates;
  }

  /** Which limit keeps this job from starting; null if none does. */
  blockedBy(rules: FlowRules, entry: QueueEntry, now: number): Blocked | null {
    return (
      this.#blockedForAll(rules, now) ??
      this.#blockedForTenant(rules, entry.tenant) ??
      this.#blockedForKey(rules, entry, now)
    );
  }

  /** When a rate next allows a start that it forbids now; null if no job waits for a rate. */
  nextStartAt(rules: FlowRules, now: number): number | null {
    if (rules.isPaused) return null;
    let earliest: number | null = null;
    for (const lists of this.#waiting.values())
      for (const [first] of lists.values()) {
        const againAt = first ? (this.blockedBy(rules, first, now)?.againAt ?? null) : null;
        if (againAt !== null && (earliest === null || againAt < earliest)) earliest = againAt;
      }
    return earliest;
  }

  /** Whether a waiting job lacks a slot that another one has. */
  isFull(rules: FlowRules, now: number): boolean {
    if (rules.isPaused) return false;
    for (const lists of this.#waiting.values())
      for (const [first] of lists.values())
        if (first && this.blockedBy(rules, first, now)?.limit.startsWith("concurrency")) return true;
    return false;
  }

  /** Which backlog has no room for another job of the tenant; null if there is room. */
  fullBacklog(
    { limits }: FlowRules,
    tenant: string,
  ): { limit: "backlog" | "backlogPerTenant"; allowed: number; used: number } | null {
    const { backlog, backlogPerTenant } = limits;
    const all = this.#counted(WAITING);
    const own = this.#counted(waitingOf(tenant));
    if (backlog !== null && all >= backlog) return { limit: "backlog", allowed: backlog, used: all };
    return backlogPerTenant !== null && own >= backlogPerTenant
      ? { limit: "backlogPerTenant", allowed: backlogPerTenant, used: own }
      : null;
  }

  /** How many jobs of its tenant start before this one. */
  countBefore(entry: QueueEntry): number {
    let count = 0;
    for (const list of this.#waiting.get(entry.tenant)?.values() ?? [])
      for (const other of list) if (byOrder(other, entry) < 0) count += 1;
    return count;
  }

  /** How many jobs wait and have a slot, and since when the first one waits; of all tenants without one. */
  counts(tenant: string | null): { waiting: number; running: number; oldestEnteredAt: number | null } {
    const chosen = tenant === null ? [...this.#waiting.values()] : [this.#waiting.get(tenant)];
    let oldestEnteredAt: number | null = null;
    for (const lists of chosen)
      for (const list of lists?.values() ?? [])
        for (const { enteredAt } of list)
          if (oldestEnteredAt === null || enteredAt < oldestEnteredAt) oldestEnteredAt = enteredAt;
    return {
      waiting: this.#counted(tenant === null ? WAITING : waitingOf(tenant)),
      running: tenant === null ? this.#running.size : this.#counted(runningOf(tenant)),
      oldestEnteredAt,
    };
  }

  /** The jobs that have a slot. */
  running(): QueueEntry[] {
    return [...this.#running.values()];
  }

  #blockedForAll({ limits }: FlowRules, now: number): Blocked | null {
    const { concurrency, starts } = limits;
    if (concurrency !== null && this.#running.size >= concurrency)
      return { limit: "concurrency", againAt: null };
    return starts ? this.#blockedByRate("starts", RATE_OF_ALL, starts, now) : null;
  }

  #blockedForTenant({ limits }: FlowRules, tenant: string): Blocked | null {
    const { concurrencyPerTenant: max } = limits;
    return max !== null && this.#counted(runningOf(tenant)) >= max
      ? { limit: "concurrencyPerTenant", againAt: null }
      : null;
  }

  #blockedForKey({ limits, keys }: FlowRules, entry: QueueEntry, now: number): Blocked | null {
    const name = rateOf(entry);
    if (entry.key === null || name === null) return null;
    const max = (Object.hasOwn(keys, entry.key) ? keys[entry.key] : undefined) ?? limits.concurrencyPerKey;
    if (max !== null && this.#counted(runningOf(name)) >= max)
      return { limit: "concurrencyPerKey", againAt: null };
    const { startsPerKey } = limits;
    return startsPerKey ? this.#blockedByRate("startsPerKey", name, startsPerKey, now) : null;
  }

  #blockedByRate(
    limit: "starts" | "startsPerKey",
    name: string,
    rate: StartRate,
    now: number,
  ): Blocked | null {
    const againAt = Math.ceil((this.#dueBy.get(name) ?? 0) - (rate.burst - 1) * intervalMs(rate));
    return againAt > now ? { limit, againAt } : null;
  }

  #advance(name: string, rate: StartRate, now: number): number {
    const dueAt = Math.max(this.#dueBy.get(name) ?? 0, now) + intervalMs(rate);
    this.#dueBy.set(name, dueAt);
    return dueAt;
  }

  #isBefore(one: QueueEntry, other: QueueEntry): boolean {
    if (one.tenant === other.tenant) return byOrder(one, other) < 0;
    const load = (entry: QueueEntry) => this.#counted(runningOf(entry.tenant)) / entry.weight;
    const byLoad = load(one) - load(other);
    if (byLoad !== 0) return byLoad < 0;
    const byShare = this.#share(one.tenant) - this.#share(other.tenant);
    return byShare === 0 ? byOrder(one, other) < 0 : byShare < 0;
  }

  #share(tenant: string): number {
    return Math.max(this.#served.get(tenant) ?? 0, this.#lastServed);
  }

  #counted(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  #count(name: string, by: number): void {
    const count = this.#counted(name) + by;
    if (count === 0) this.#counts.delete(name);
    else this.#counts.set(name, count);
  }
}

const WAITING = "waiting";
const waitingOf = (tenant: string) => `waiting/${tenant}`;
const runningOf = (name: string) => `running/${name}`;

function countersOf(entry: QueueEntry): string[] {
  const name = rateOf(entry);
  return [runningOf(entry.tenant), ...(name === null ? [] : [runningOf(name)])];
}

/** The key of the tenant, which no tenant's name is: that of another tenant is another one. */
function rateOf({ tenant, key }: QueueEntry): string | null {
  return key === null ? null : `${tenant}/${key}`;
}

function intervalMs({ count, perMs }: StartRate): number {
  return perMs / count;
}
