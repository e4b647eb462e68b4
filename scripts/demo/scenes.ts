/** The scenes of the demo: each does one thing a client does, shows what it saw, and claims what must be true. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { LogLine } from "../service.ts";
import { root } from "../wrangler.ts";
import type { DemoClient, Job } from "./client.ts";
import { makeLedgers, planted, plantedKeys } from "./ledgers.ts";
import { claim, exchange, fields, paint, say, table, title } from "./terminal.ts";

type Stage = { client: DemoClient; log: readonly LogLine[] };

const STRIKES = join(root, "examples/data/bird-strikes-1990s.csv");

async function importFile({ client }: Stage): Promise<void> {
  title("A file becomes a dataset");
  const csv = await readFile(STRIKES);
  const rows = csv.toString().trimEnd().split("\n").length - 1;
  const file = await client.upload(csv);
  const { id } = await client.submit("csv.import", { file, dataset: "strikes" });
  const job = await client.finish(id);
  const { rows_imported, rows_rejected } = resultOf<Record<string, number>>(job);
  fields({ rows_imported, rows_rejected });
  claim(`all ${rows.toLocaleString("en")} rows of the file are in`, rows_imported === rows);
}

async function exportReport({ client }: Stage): Promise<void> {
  title("A report: what did birds cost aviation in the 1990s, and when in the flight?");
  const { id } = await client.submit("report.export", {
    dataset: "strikes",
    group_by: "Phase of flight",
    metrics: [{ op: "count" }, { op: "sum", column: "Cost Total $" }, { op: "max", column: "Cost Total $" }],
    format: "csv",
    requested_by: "demo",
  });
  const job = await client.finish(id);
  const { status, headers, text } = await client.call("GET", `/v1/jobs/${id}/result`);
  exchange(`GET /v1/jobs/${id}/result`, status, headers.get("Content-Type") ?? "");
  const lines = rowsOf(text);
  table(lines.slice(0, 6));
  const { rows } = resultOf<{ rows: number }>(job);
  if (rows > 5) say(paint("dim", `and ${rows - 5} more`));
  claim("the result streams as the file it is", status === 200 && lines.length === rows + 1);
  const strikes = lines.slice(1).reduce((sum, [, count]) => sum + Number(count), 0);
  claim("every strike is in one of its groups", strikes === 7213);
}

async function reconcile({ client }: Stage): Promise<void> {
  title("Two ledgers with planted differences are reconciled");
  const { ledger, statement } = makeLedgers();
  for (const [dataset, csv] of Object.entries({ ledger, statement })) {
    const file = await client.upload(csv);
    const { id } = await client.submit("csv.import", { file, dataset });
    await client.finish(id);
  }
  const input = { ledger: "ledger", statement: "statement", key: "reference", amount: "amount" };
  const { id } = await client.submit("payments.reconcile", input);
  const found = resultOf<typeof planted & { discrepancies_file: string }>(await client.finish(id));
  const kinds = Object.keys(planted) as (keyof typeof planted)[];
  table([
    ["", "planted", "found"],
    ...kinds.map((kind) => [kind, String(planted[kind]), String(found[kind])]),
  ]);
  const file = await client.call("GET", `/v1/files/${found.discrepancies_file}`);
  exchange(`GET /v1/files/${found.discrepancies_file}`, file.status, "the discrepancies");
  const keys = rowsOf(file.text)
    .slice(1)
    .map(([key]) => key);
  claim(
    "what was planted was found, no more and no less",
    kinds.every((kind) => found[kind] === planted[kind]),
  );
  claim("and the file names each by its key", keys.toSorted().join() === plantedKeys.join());
}

async function retry({ client }: Stage): Promise<void> {
  title("A third party is down for a moment: the attempt fails, the job does not");
  const unavailable = {
    outcome: "fail",
    kind: "service_unavailable",
    code: "bank_closed",
    message: "The bank does not answer.",
    retry_after_ms: 1_500,
  };
  const { id } = await client.submit("test.simulate", {
    duration_ms: 300,
    attempts: [unavailable, { outcome: "succeed" }],
    result: { paid: true },
  });
  const waiting = await client.follow(id, ({ status_reason }) => status_reason === "waiting_to_retry");
  fields({ ...waiting.attempts[0]?.error, next_attempt_at: waiting.next_attempt_at });
  claim("between two attempts the job is still running", waiting.status === "running");
  const job = await client.finish(id);
  fields({ attempts: job.attempts.map(({ status }) => status).join(", "), result: resultOf(job) });
  claim("the second attempt succeeded, and so did the job", job.status === "succeeded" && job.attempt === 2);
}

async function fail({ client, log }: Stage): Promise<void> {
  title("Code breaks: the client gets a reference, the log the reason");
  const message = "connect ECONNREFUSED 10.0.3.7:5432, user billing";
  const { id } = await client.submit("test.simulate", { attempts: [{ outcome: "crash", message }] });
  const job = await client.finish(id);
  fields({ ...job.error });
  const answers = await Promise.all(
    ["/events", "/result", "/deliveries"].map((path) => client.call("GET", `/v1/jobs/${id}${path}`)),
  );
  claim("an undeclared exception is not retried", job.status === "failed" && job.attempt === 1);
  claim(
    "no answer holds the exception's text",
    [JSON.stringify([job.error, job.attempts]), ...answers.map(({ text }) => text)].every(
      (text) => !text.includes("ECONNREFUSED"),
    ),
  );
  const line = await logLine(log, (entry) => entry.job_id === id && entry.event === "attempt_threw");
  const { reference, error } = (line ?? {}) as { reference?: string; error?: { message: string } };
  fields({ "in the log": `${reference}: ${error?.message}` });
  claim(
    "the log has it beside the same reference",
    reference === job.error?.reference && error?.message === message,
  );
}

async function cancel({ client }: Stage): Promise<void> {
  title("A running job is cancelled, and its code really stops");
  const { id } = await client.submit("test.simulate", { duration_ms: 10_000, steps: 100 });
  await client.follow(id, ({ progress }) => (progress?.percent ?? 0) >= 15);
  const init = { body: JSON.stringify({ reason: "changed my mind" }) };
  const { status, data } = await client.call<Job>("POST", `/v1/jobs/${id}/cancel`, init);
  exchange(`POST /v1/jobs/${id}/cancel`, status, `${data.status} (${data.status_reason})`);
  claim("it is cancelled at once", status === 200 && data.status === "cancelled");
  const stopped = await client.follow(id, ({ cancellation }) => cancellation?.acknowledged_at !== null);
  fields({ ...stopped.cancellation });
  claim("and acknowledged when the code had stopped", stopped.status === "cancelled");
}

async function postTwice({ client }: Stage): Promise<void> {
  title("A client is not sure its request arrived, and sends it again");
  const headers = { "Idempotency-Key": "order-4711-refund" };
  const input = { duration_ms: 200, result: { refunded: "12.50" } };
  const first = await client.submit("test.simulate", input, headers);
  const second = await client.submit("test.simulate", input, headers);
  claim("both posts got the same job", first.id === second.id);
  const job = await client.finish(first.id);
  claim("and its work was done once", job.status === "succeeded" && job.attempt === 1);
}

export const scenes: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  import: importFile,
  report: exportReport,
  reconcile,
  retry,
  fail,
  cancel,
  repeat: postTwice,
};

function resultOf<Result>(job: Job): Result {
  if (!("result" in job)) throw new Error(`${job.id} did not succeed: ${JSON.stringify(job.error ?? job)}`);
  return job.result as Result;
}

/** The cells of a CSV none of whose cells needs quotes. */
function rowsOf(csv: string): string[][] {
  return csv
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => line.split(","));
}

/** The log comes by another way than the answers, and may come a little later. */
async function logLine(log: readonly LogLine[], isWanted: (line: LogLine) => boolean) {
  for (let looks = 0; looks < 50; looks += 1) {
    const line = log.find(isWanted);
    if (line) return line;
    await pause(50);
  }
  return undefined;
}
