/**
 * A `csv.import` of 100 MB: its duration, and the runtime's peak memory against the memory before. Every row of the
 * generated file must have been imported.
 */

import { readdir, readFile, writeFile } from "node:fs/promises";
import { type Benchmark, ensure, figure } from "./benchmark.ts";
import { openClient, withService } from "./client.ts";

const FILE_BYTES = 100_000_000;

/** Far longer than a poll takes, far shorter than the import. */
const LOOK_MS = 200;

export const importCsv: Benchmark = {
  name: "import",
  title: "Importing a CSV file of 100 MB",
  run: () =>
    withService(async ({ url, keys }) => {
      const client = openClient(url, keys.acme.full);
      const { csv, rows } = makeCsv();
      const uploadedFrom = performance.now();
      const file = await upload(url, keys.acme.full, csv);
      const uploadMs = performance.now() - uploadedFrom;
      const runtime = await runtimePid();
      await writeFile(`/proc/${runtime}/clear_refs`, RESET_PEAK);
      const before = await memoryOf(runtime);
      const { id } = await client.submit("csv.import", { file, dataset: "bench" });
      const job = await client.until(id, ({ finished_at }) => finished_at !== null, LOOK_MS);
      const after = await memoryOf(runtime);
      const imported = "result" in job ? (job.result as { rows_imported: number }).rows_imported : 0;
      ensure(imported === rows, `${imported} of ${rows} rows were imported: ${JSON.stringify(job)}`);
      const seconds = (Date.parse(job.finished_at ?? "") - Date.parse(job.started_at ?? "")) / 1_000;
      return [
        { what: "upload", service: figure(uploadMs / 1_000, "s") },
        { what: `import of ${rows.toLocaleString("en")} rows`, service: figure(seconds, "s") },
        { what: "bytes per second", service: figure(FILE_BYTES / 1e6 / seconds, "MB/s") },
        { what: "memory of workerd before", service: figure(before.nowMb, "MB") },
        { what: "peak memory of workerd during the import", service: figure(after.peakMb, "MB") },
      ];
    }),
};

/** CSV of FILE_BYTES to within a row: eight columns, about a hundred bytes together. */
function makeCsv(): { csv: Blob; rows: number } {
  const parts = ["id,booked_at,account,currency,amount,status,country,note\n"];
  let rows = 0;
  for (let bytes = 0; bytes < FILE_BYTES; rows += 1) {
    const cents = (rows * 7919) % 1_000_000;
    const note = `payment ${rows} of the benchmark`;
    const row = `${rows},2026-11-22T12:00:00Z,DE${1e9 + rows},EUR,${cents / 100},booked,DE,"${note}"\n`;
    parts.push(row);
    bytes += row.length;
  }
  return { csv: new Blob([parts.join("")]), rows };
}

async function upload(url: string, key: string, csv: Blob): Promise<string> {
  const headers = { Authorization: `Bearer ${key}`, "Content-Type": "text/csv; charset=utf-8" };
  const answer = await fetch(`${url}/v1/files`, { method: "POST", headers, body: csv });
  if (answer.status !== 201) throw new Error(`POST /v1/files: ${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { data: { id: string } }).data.id;
}

/** proc_pid_clear_refs(5): sets the peak back to what is used now. */
const RESET_PEAK = "5";

/** proc_pid_status(5): resident memory now and at its peak, megabytes. */
async function memoryOf(pid: number): Promise<{ nowMb: number; peakMb: number }> {
  const text = await readFile(`/proc/${pid}/status`, "utf8");
  const megabytes = (name: string) =>
    (Number(text.match(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m"))?.[1]) * 1_024) / 1e6;
  return { nowMb: megabytes("VmRSS"), peakMb: megabytes("VmHWM") };
}

/** The workerd below this process that has the most memory: the other one only passes requests on. */
async function runtimePid(): Promise<number> {
  const processes = await Promise.all((await readdir("/proc")).filter(isNumber).map(processOf));
  const parents = new Map(processes.map(({ pid, parent }) => [pid, parent]));
  const isOurs = (pid: number | undefined): boolean =>
    pid !== undefined && (pid === process.pid || isOurs(parents.get(pid)));
  const runtimes = processes.filter(({ pid, name }) => name === "workerd" && isOurs(pid));
  const sizes = await Promise.all(
    runtimes.map(async ({ pid }) => ({ pid, mb: (await memoryOf(pid)).nowMb })),
  );
  const [largest] = sizes.toSorted((a, b) => b.mb - a.mb);
  ensure(largest !== undefined, "no workerd runs below this process");
  return largest.pid;
}

function isNumber(name: string): boolean {
  return /^\d+$/.test(name);
}

/** proc_pid_stat(5). A process that has exited meanwhile has no parent. */
async function processOf(name: string): Promise<{ pid: number; parent: number; name: string }> {
  const text = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
  const [, command = "", parent = "0"] = text.match(/^\d+ \((.*)\) \S (\d+)/s) ?? [];
  return { pid: Number(name), parent: Number(parent), name: command };
}
