/** What must have come true once nothing goes wrong any more and time has passed. */

import type { Job } from "../../../src/core/job.ts";
import type { HourStats } from "../../../src/rpc/job-stats.ts";
import type { JobView } from "../../../src/rpc/views.ts";
import type { Home } from "../platform/instance.ts";
import type { Receivers } from "../receivers.ts";
import type { Service } from "../service.ts";
import { assertThat } from "./demand.ts";
import type { JobHistory, Witness } from "./witness.ts";

/** Every accepted job has ended, and none of them only because its time was over though nothing stood in its way. */
export function checkFinished(witness: Witness): void {
  for (const { jobId, job } of witness.all()) {
    witness.hold("every accepted job ends", () => {
      assertThat(job === null || "finishedAt" in job.phase, `${jobId} is still ${job?.phase.status}`);
    });
  }
}

/** Every delivery was made, and then its receiver has it, or was given up. */
export function checkDelivered(witness: Witness, receivers: Receivers): void {
  for (const { job } of witness.all()) {
    for (const { id, state } of job?.deliveries ?? []) {
      witness.hold("every webhook is delivered or given up", () => {
        assertThat(state.status !== "waiting", `${id} still waits`);
        assertThat(state.status !== "succeeded" || receivers.hasTaken(id), `${id} is said to be delivered`);
      });
    }
  }
}

/** What a tenant's listing answers when it is asked for everything. */
export type IndexContents = { tenant: string; jobs: readonly JobView[]; stats: readonly HourStats[] };

/**
 * Each listing shows exactly the jobs there are, each as it is, and has counted each of them once: unless a full partition
 * could not note a deletion, for then a late update lists and counts the job again.
 */
export function checkIndexes(witness: Witness, indexes: readonly IndexContents[], isExact: boolean): void {
  for (const { tenant, jobs, stats } of indexes) {
    const own = witness.all().filter((one) => one.tenant === tenant);
    witness.hold("the listing converges to the truth", () => {
      const stored = own.flatMap(({ job }) => (job ? [stateOf(witness.present(job))] : []));
      const listed = jobs.map(stateOf);
      const missing = stored.filter((state) => !listed.includes(state));
      const deleted = new Set(own.flatMap(({ jobId, job }) => (job ? [] : [jobId])));
      const isLate = (state: string) => !isExact && deleted.has(state.split(" ")[0] ?? "");
      const wrong = listed.filter((state) => !stored.includes(state) && !isLate(state));
      assertThat(missing.length === 0, `${tenant} lacks ${missing}`);
      assertThat(wrong.length === 0, `${tenant} has ${wrong}`);
      assertThat(new Set(listed).size === listed.length, `${tenant} lists a job twice`);
    });
    if (isExact) witness.hold("every job is counted once", () => checkTotals(own, stats));
  }
}

function stateOf({ id, status, version, attempt, created_at }: JobView): string {
  return `${id} ${status} version ${version} attempt ${attempt} of ${created_at}`;
}

/** Jobs that were removed may have been so before anybody counted them; of the others, all are. */
function checkTotals(own: readonly JobHistory[], stats: readonly HourStats[]): void {
  const sum = (name: "accepted" | "succeeded" | "failed" | "cancelled" | "attempts") =>
    stats.reduce((total, row) => total + row[name], 0);
  const generations = own.length;
  const jobs = own.flatMap(({ job }): Job[] => (job ? [job] : []));
  const kept = (status: string) => jobs.filter(({ phase }) => phase.status === status).length;
  const onDeleted = generations - jobs.length;
  const counted = (name: "succeeded" | "failed" | "cancelled") => {
    const most = kept(name) + onDeleted;
    assertThat(
      sum(name) >= kept(name) && sum(name) <= most,
      `${sum(name)} ${name}, kept ${kept(name)} of ${most}`,
    );
  };
  assertThat(
    sum("accepted") >= jobs.length && sum("accepted") <= generations,
    `accepted ${sum("accepted")} of ${generations}`,
  );
  for (const name of ["succeeded", "failed", "cancelled"] as const) counted(name);
  const attempts = jobs.reduce((total, job) => total + job.attempts.length, 0);
  if (onDeleted === 0) assertThat(sum("attempts") === attempts, `${sum("attempts")} of ${attempts}`);
}

/**
 * Long after, all jobs are purged, and their unique keys are free. A key that was claimed for a job that was then never
 * made may keep the claim: it excludes no job.
 */
export function checkEmpty(witness: Witness, jobHomes: Iterable<Home>, uniqueKeys: Iterable<Home>): void {
  for (const { name, durable } of jobHomes) {
    witness.hold("a job is purged when its time has come", () => {
      assertThat(durable.kv.size === 0, `${name} still has ${[...durable.kv.keys()]}`);
      assertThat(durable.alarm === null, `${name} still has an alarm at ${durable.alarm}`);
    });
  }
  const jobs = new Map(witness.all().map((one): [string, JobHistory] => [one.jobId, one]));
  for (const { name, durable } of uniqueKeys) {
    const ownerJobId = durable.kv.get("owner");
    const known = jobs.get(String(ownerJobId));
    const wasMade = known?.uniqueKeys.has(name) && (known.deletedAt ?? 0) >= witness.claimedAt(name);
    witness.hold("a unique key is released with its job", () =>
      assertThat(!wasMade, `${name} is still held by ${ownerJobId}`),
    );
  }
}

type Stores = Pick<Service, "files" | "datasets" | "bucket">;

const HAS_TABLE = "SELECT name FROM sqlite_schema WHERE name = ?";

/** The rows of an object's table, as they are stored; none if the table was never made. */
function rowsOf({ durable: { sql } }: Home, table: string): Record<string, unknown>[] {
  if (!sql || sql.read(HAS_TABLE, table).length === 0) return [];
  return sql.read(`SELECT * FROM ${table}`) as Record<string, unknown>[];
}

/** What the results of jobs name is stored: the file, complete, and all rows of the import, each once. */
export function checkStored(witness: Witness, { files, bucket }: Stores): void {
  for (const { jobId, job, tenant, isDeletionAsked } of witness.all()) {
    if (isDeletionAsked) continue;
    if (job?.phase.status !== "succeeded" || job.result === null) continue;
    const { file, rows } = JSON.parse(job.result) as { file?: string | null; rows?: number };
    witness.hold("a result's file can be read while its job lives", () => {
      if (!file) return;
      const home = files.homes.get(tenant);
      const record = home && rowsOf(home, "files").find(({ id }) => id === file);
      assertThat(record?.state === "ready", `the record of ${file} of ${jobId} is ${record?.state}`);
      assertThat(bucket.keys.has(`${tenant}/${file}`), `${file} of ${jobId} has no bytes`);
    });
    witness.hold("an import has each of its rows once", () => {
      const { steps } = JSON.parse(job.input) as { steps: number };
      assertThat(rows === undefined || rows === 2 * steps, `${jobId} imported ${rows} rows of ${2 * steps}`);
    });
  }
}

/** Long after, no bytes are left of any job, and of datasets only what was published last. */
export function checkStoresEmpty(witness: Witness, { files, datasets, bucket }: Stores): void {
  const isLost = [...files.homes.values()].some(({ alarm }) => alarm.isLost());
  const records = [...files.homes.values()].flatMap((home) => rowsOf(home, "files"));
  witness.hold("the files of a purged job are deleted", () => {
    if (isLost) return;
    assertThat(bucket.keys.size === 0, `the bucket still has ${[...bucket.keys]}`);
    assertThat(records.length === 0, `${records.length} records are left`);
  });
  for (const home of datasets.homes.values()) {
    if (home.alarm.isLost()) continue;
    witness.hold("of a dataset, only what was published last is left", () => {
      const generations = rowsOf(home, "generations");
      const others = generations.filter(({ state }) => state !== "live");
      assertThat(others.length === 0, `${home.name} still has ${others.map(({ state }) => state)}`);
      const lines = rowsOf(home, "chunks").flatMap(({ items }) => JSON.parse(String(items)) as [number][]);
      const rowCount = generations.reduce((sum, { row_count }) => sum + Number(row_count), 0);
      assertThat(new Set(lines.map(([line]) => line)).size === rowCount, `${home.name} lacks rows`);
      assertThat(lines.length === rowCount, `${home.name} has ${lines.length} rows of ${rowCount}`);
    });
  }
}

/** Long after, every partition of the job index has deleted itself, and the directory keeps only its counts. */
export function checkPartitionsGone(
  witness: Witness,
  { indexes, directories }: Pick<Service, "indexes" | "directories">,
): void {
  for (const { name, durable, alarm } of indexes.homes.values()) {
    if (alarm.isLost()) continue;
    witness.hold("a partition deletes itself when all its jobs are purged", () =>
      assertThat(durable.kv.size === 0, `${name} still has ${[...durable.kv.keys()]}`),
    );
  }
  for (const { name, durable } of directories.homes.values())
    witness.hold("the directory names only partitions that are there", () => {
      const isThere = (key: string) =>
        (indexes.homes.get(key.replace("partition", name))?.durable.kv.size ?? 0) > 0;
      const gone = [...durable.kv.keys()].filter((key) => !isThere(key));
      assertThat(gone.length === 0, `${name} names ${gone}`);
    });
}

/** Long after, no queue keeps anything of a job that is gone. */
export function checkQueuesEmpty(witness: Witness, { queues }: Pick<Service, "queues">): void {
  for (const { name, durable, alarm } of queues.homes.values()) {
    if (alarm.isLost()) continue;
    witness.hold("a queue forgets the jobs that left it", () => {
      const left = [...durable.kv.keys()].filter((key) => key.startsWith("job/"));
      assertThat(left.length === 0, `${name} still has ${left}`);
    });
  }
}
