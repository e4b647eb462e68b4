/**
 * The listing of one tenant: which jobs there are, and what became of them. It is no truth of its own, only what jobs
 * have said of themselves. What it does not hear it asks for: a job that should have moved, and one whose time is
 * over, is knocked on. Nothing is stored before the first job is heard of.
 */

import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";
import { jobObject } from "../job/stub.ts";
import { openAlarm } from "../lib/alarm.ts";
import { log } from "../lib/log.ts";
import { now, pause } from "../lib/world.ts";
import { openTotalsStore, type Totals } from "../totals/store.ts";
import { type Entry, type Filter, type Key, keyOfEntry, type Position } from "./entry.ts";
import type { Review } from "./review.ts";
import { openEntryStore, type Page } from "./store.ts";
import type { ListingApi } from "./stub.ts";

/** The first news after a pause is written at once; under load, what comes within a second is written together. */
const WRITE_EVERY_MS = 1_000;

/** So long after it should have moved a job is knocked on: its own alarm may be a little late. */
const GRACE_MS = 60_000;

/** The listing looks for such jobs at most this often, and knocks on so many at a time. */
const REVIEW_EVERY_MS = 60_000;
const KNOCKS_MAX = 200;
const KNOCKS_AT_ONCE = 20;

/** A job that could not be asked is left alone for so long, and keeps nobody else waiting. */
const KNOCK_AGAIN_MS = 5 * 60_000;

/** Of each type and status, so many of the oldest finished jobs are looked at for what has expired: they expire first. */
const EXPIRY_WINDOW = 500;

/** Where there are more, all are looked at so often: how long jobs are kept may differ, and may have been changed. */
const WHOLE_EVERY_MS = 6 * 60 * 60_000;

const WHOLE_AT = "reviewed_whole_at";

const TENANT = "tenant";

export class ListingObject extends DurableObject<Env> implements ListingApi {
  readonly #entries = openEntryStore(this.ctx.storage);
  readonly #totals = openTotalsStore(this.ctx.storage);
  readonly #alarm = openAlarm(this.ctx);
  #tenant = this.ctx.storage.kv.get<string>(TENANT);
  /** What was announced and is not yet written: of each job, by time and id, the last word. */
  #news = new Map<string, Entry>();
  #wroteAt = 0;
  #isWriteDue = false;
  /** Jobs that could not be asked, by id, and until when they are left alone. */
  #spared = new Map<string, number>();

  async announce(tenant: string, entry: Entry): Promise<void> {
    this.#hear(tenant, entry);
    if (this.#isWriteDue) return;
    const waitMs = this.#wroteAt + WRITE_EVERY_MS - now();
    if (waitMs <= 0) return this.#write();
    this.#isWriteDue = true;
    this.ctx.waitUntil(pause(waitMs).then(() => this.#write()));
  }

  async confirm(tenant: string, entry: Entry): Promise<void> {
    this.#hear(tenant, entry);
    this.#write();
  }

  async hide(tenant: string, entry: Entry): Promise<void> {
    this.#hear(tenant, entry);
    this.#write();
    this.#entries.hide(keyOfEntry(entry), now());
    this.#alarm.ringBy(now() + REVIEW_EVERY_MS);
  }

  async page(filter: Filter, after: Position | null, limit: number): Promise<Page> {
    if (this.#tenant === undefined) return { jobs: [], next: null };
    this.#write();
    return this.#entries.page(filter, after, limit, now());
  }

  async count(filter: Filter): Promise<number> {
    if (this.#tenant === undefined) return 0;
    this.#write();
    return this.#entries.count(filter, now());
  }

  async totals(from: number, to: number, type: string | null): Promise<Totals[]> {
    if (this.#tenant === undefined) return [];
    this.#write();
    return this.#totals.read(from, to, type);
  }

  /** Never throws: an alarm that fails six times is lost, and with it what it was to look after. */
  override async alarm(): Promise<void> {
    this.#alarm.clear();
    try {
      this.#write();
      await this.#review();
    } catch (error) {
      this.#alarm.ringBy(now() + REVIEW_EVERY_MS);
      log("error", "alarm_failed", { object: `listing of ${this.#tenant}`, error });
    }
  }

  #hear(tenant: string, entry: Entry): void {
    if (this.#tenant === undefined) {
      this.ctx.storage.kv.put(TENANT, tenant);
      this.#tenant = tenant;
      this.#entries.begin();
      this.#totals.begin();
    }
    const name = `${entry.createdAt}/${entry.job.id}`;
    const known = this.#news.get(name);
    if (!known || known.job.version <= entry.job.version) this.#news.set(name, entry);
  }

  /** Entries and sums in one commit, so that nothing is counted twice. */
  #write(): void {
    this.#isWriteDue = false;
    if (this.#news.size === 0) return;
    this.#wroteAt = now();
    const tally = this.#totals.openTally();
    for (const entry of this.#news.values()) {
      const change = this.#entries.save(entry, now());
      if (change?.isNew) tally.accepted(entry);
      if (change?.hasEnded) {
        tally.ended(entry);
        this.#measure(entry);
      }
      if (change) this.#lookAfter(entry);
    }
    tally.save();
    this.#news = new Map();
  }

  /** Sees to it that this job is reviewed in time, and if the alarm was lost, that all the others soon are, too. */
  #lookAfter(entry: Entry): void {
    this.#alarm.ringBy(this.#alarm.isLost() ? now() + REVIEW_EVERY_MS : nextReviewOf(entry));
  }

  /** Asks the jobs that should have moved or be gone. Goes on at once while there are more, and some answer. */
  async #review(): Promise<void> {
    const { late, nextAt } = this.#findLate();
    for (let first = 0; first < late.length; first += KNOCKS_AT_ONCE)
      await Promise.all(late.slice(first, first + KNOCKS_AT_ONCE).map((key) => this.#knock(key)));
    this.#totals.prune(now());
    const isMoreLeft = late.length === KNOCKS_MAX && late.some(({ id }) => !this.#spared.has(id));
    const times = [...(nextAt === null ? [] : [nextAt]), ...this.#spared.values()];
    const soonestAt = times.length === 0 ? now() : Math.min(...times);
    if (isMoreLeft) this.#alarm.ringBy(now() + 1);
    else if (times.length > 0 || late.length > 0)
      this.#alarm.ringBy(Math.max(soonestAt, now() + REVIEW_EVERY_MS));
  }

  #findLate(): Pick<Review, "late" | "nextAt"> {
    const at = now();
    for (const [id, until] of this.#spared) if (until <= at) this.#spared.delete(id);
    const asked = { overdueAt: at - GRACE_MS, now: at, limit: KNOCKS_MAX, spared: this.#spared };
    const found = this.#entries.review({ ...asked, window: EXPIRY_WINDOW });
    if (found.isWhole) return found;
    const wholeAt = (this.ctx.storage.kv.get<number>(WHOLE_AT) ?? 0) + WHOLE_EVERY_MS;
    if (at < wholeAt) return { late: found.late, nextAt: Math.min(found.nextAt ?? wholeAt, wholeAt) };
    const whole = this.#entries.review({ ...asked, window: null });
    if (whole.late.length < KNOCKS_MAX) this.ctx.storage.kv.put(WHOLE_AT, at);
    return whole;
  }

  /** What the job says now counts; one that is gone, or was made anew since, is listed no more under this key. */
  async #knock(key: Key): Promise<void> {
    if (this.#tenant === undefined) return;
    const hiddenBy = now() - GRACE_MS;
    try {
      const entry = await jobObject(this.env, this.#tenant, key.id).knock();
      if (entry?.createdAt !== key.createdAt) this.#entries.remove(key);
      if (!entry) return;
      this.#entries.show(key, hiddenBy);
      await this.confirm(this.#tenant, entry);
      this.#alarm.ringBy(nextReviewOf(entry));
    } catch (error) {
      this.#spared.set(key.id, now() + KNOCK_AGAIN_MS);
      log("warn", "knock_failed", { job_id: key.id, tenant: this.#tenant, type: key.type, error });
    }
  }

  /** The same numbers for Analytics Engine, if there is any: attempts, waiting and running time in milliseconds. */
  #measure({ job, waitingMs, runningMs }: Entry): void {
    this.env.METRICS?.writeDataPoint({
      indexes: [this.#tenant ?? null],
      blobs: [job.type, job.status],
      doubles: [job.attempt, waitingMs ?? -1, runningMs ?? -1],
    });
  }
}

/** Never at once: a job whose clock is behind the listing's has not moved yet, however often it is knocked on. */
function nextReviewOf({ dueAt, expiresAt }: Entry): number {
  const at = dueAt === null ? (expiresAt ?? 0) : dueAt + GRACE_MS;
  return Math.max(at, now() + REVIEW_EVERY_MS);
}
