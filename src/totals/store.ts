/**
 * What became of a tenant's jobs, summed up per hour and type. A row a type and hour is all there is, so a question
 * about a month costs as little as its hours are many, and the sums outlive the jobs.
 */

import type { Entry } from "../listing/entry.ts";
import { count, type Histogram, quantile } from "./histogram.ts";

export const HOUR_MS = 60 * 60_000;

/** Sums are kept for so long. */
const KEPT_MS = 400 * 24 * HOUR_MS;

/** The sums of one hour and type: a job counts as accepted in the hour it was made, as ended in the hour it ended. */
export type Totals = {
  hour: number;
  type: string;
  accepted: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  attempts: number;
  waitingMs: { p50: number | null; p95: number | null };
  runningMs: { p50: number | null; p95: number | null };
};

type Row = Omit<Totals, "waitingMs" | "runningMs"> & { waiting: Histogram; running: Histogram };

const TABLE = `CREATE TABLE IF NOT EXISTS totals (
  hour INTEGER NOT NULL, type TEXT NOT NULL, sums TEXT NOT NULL, PRIMARY KEY (hour, type)
) WITHOUT ROWID`;

const nothing = { accepted: 0, succeeded: 0, failed: 0, cancelled: 0, attempts: 0 };

/** The sums of one tenant. `begin` must have been called before anything else. */
export function openTotalsStore({ sql }: DurableObjectStorage) {
  const find = (hour: number, type: string): Row => {
    const [row] = sql
      .exec<{ sums: string }>("SELECT sums FROM totals WHERE hour = ? AND type = ?", hour, type)
      .toArray();
    return row
      ? { hour, type, ...JSON.parse(row.sums) }
      : { hour, type, ...nothing, waiting: {}, running: {} };
  };

  return {
    begin: () => void sql.exec(TABLE),

    /** Collects what happened, to be written with a row per hour and type however much it was. */
    openTally() {
      const rows = new Map<string, Row>();
      const rowFor = (at: number, type: string): Row => {
        const hour = at - (at % HOUR_MS);
        const key = `${hour}/${type}`;
        const row = rows.get(key) ?? find(hour, type);
        rows.set(key, row);
        return row;
      };
      return {
        accepted({ createdAt, job }: Entry): void {
          rowFor(createdAt, job.type).accepted += 1;
        },
        ended({ job, finishedAt, waitingMs, runningMs }: Entry): void {
          if (finishedAt === null || job.status === "queued" || job.status === "running") return;
          const row = rowFor(finishedAt, job.type);
          row[job.status] += 1;
          row.attempts += job.attempt;
          if (waitingMs !== null) count(row.waiting, waitingMs);
          if (runningMs !== null) count(row.running, runningMs);
        },
        save(): void {
          for (const { hour, type, ...sums } of rows.values())
            sql.exec(
              "INSERT INTO totals VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET sums = excluded.sums",
              ...[hour, type, JSON.stringify(sums)],
            );
        },
      };
    },

    /** The sums from the hour of `from` up to `to` (exclusive), oldest first; of one type, or of all. */
    read(from: number, to: number, type: string | null): Totals[] {
      const rows = sql.exec<{ hour: number; type: string; sums: string }>(
        "SELECT hour, type, sums FROM totals WHERE hour >= ? AND hour < ? AND (? IS NULL OR type = ?)",
        ...[from - (from % HOUR_MS), to, type, type],
      );
      // One row at a time: those of three months together would not fit into memory well.
      return Array.from(rows, ({ sums, ...key }) => present({ ...key, ...JSON.parse(sums) }));
    },

    /** Forgets sums that are too old. */
    prune: (now: number) => void sql.exec("DELETE FROM totals WHERE hour < ?", now - KEPT_MS),
  };
}

function present({ waiting, running, ...sums }: Row): Totals {
  const shares = (of: Histogram) => ({ p50: quantile(of, 0.5), p95: quantile(of, 0.95) });
  return { ...sums, waitingMs: shares(waiting), runningMs: shares(running) };
}
