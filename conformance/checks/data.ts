/** Contract 10: csv.import, report.export and payments.reconcile, from the file to the result. */

import { claim, equal, matches } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import { jobOf } from "../client.ts";
import type { Deployment } from "../deployment.ts";
import type { Job } from "../shapes.ts";

/** A dataset that no other check and no other run writes to. */
const nameOf = ({ run }: Deployment, name: string) => `conformance_${run}_${name}`;

async function imported(
  deployment: Deployment,
  dataset: string,
  csv: string,
  more: object = {},
): Promise<Job> {
  const { mine } = deployment;
  const { id: file } = await mine.upload(csv, "text/csv");
  return mine.finished((await mine.submit("csv.import", { file, dataset, ...more })).id);
}

async function textOf({ mine }: Deployment, file: string): Promise<string> {
  return (await mine.call("GET", `/v1/files/${file}`)).text;
}

async function importsAll(deployment: Deployment): Promise<void> {
  const dataset = nameOf(deployment, "orders");
  const csv = 'id,"customer, name",amount\n1,"Ada ""A"" L.",1.10\n2,"two\nlines",2.20\n';
  const job = await imported(deployment, dataset, csv);
  const columns = ["id", "customer, name", "amount"];
  const wanted = { dataset, columns, rows_imported: 2, rows_rejected: 0, rows_blank: 0, rejects_file: null };
  equal([job.status, job.result], ["succeeded", wanted], "the import");
  const { unit, current, total, percent, message } = job.progress ?? {};
  equal([unit, current, total, percent], ["bytes", csv.length, csv.length, 100], "the progress");
  matches(message, /^2 rows\b/, "the message");
}

async function rejects(deployment: Deployment): Promise<void> {
  const csv = "id,amount\n1,10.00\n2\n3,30.00,extra\n4,40.00\n";
  const job = await imported(deployment, nameOf(deployment, "patchy"), csv);
  const result = job.result as { rows_imported: number; rows_rejected: number; rejects_file: string };
  equal([job.status, result.rows_imported, result.rows_rejected], ["succeeded", 2, 2], "the import");
  const lines = (await textOf(deployment, result.rejects_file)).trim().split(/\r?\n/);
  equal(
    lines.slice(1).map((line) => line.split(",")[0]),
    ["3", "4"],
    "the line numbers of the rejects",
  );
  claim(
    lines.slice(1).every((line) => (line.split(",")[1] ?? "") !== ""),
    "a reject has no reason",
  );
}

async function delimiter(deployment: Deployment): Promise<void> {
  const job = await imported(deployment, nameOf(deployment, "tabs"), "a\tb\n1\t2\n", { delimiter: "\t" });
  const { columns, rows_imported } = job.result as { columns: string[]; rows_imported: number };
  equal([columns, rows_imported], [["a", "b"], 1], "columns and rows");
}

async function replaces(deployment: Deployment): Promise<void> {
  const dataset = nameOf(deployment, "replaced");
  await imported(deployment, dataset, "n\n1\n2\n3\n");
  await imported(deployment, dataset, "n\n7\n");
  equal(
    await reported(deployment, { dataset, metrics: [{ op: "count" }, { op: "sum", column: "n" }] }),
    [{ count: 1, sum_n: "7" }],
    "the report on a dataset that was imported twice",
  );
}

async function missingFile({ mine, ...deployment }: Deployment): Promise<void> {
  const input = { file: "file_01h2xcejqtf2nbrexx3vqjhp41", dataset: `conformance_${deployment.run}_none` };
  const job = await mine.finished((await mine.submit("csv.import", input)).id);
  equal([job.status, job.error?.kind], ["failed", "not_found"], "the import of a file that is not there");
}

/** The rows of a JSON report, read from the result itself. */
async function reported({ mine }: Deployment, input: object): Promise<unknown> {
  const request = { format: "json", requested_by: crypto.randomUUID(), ...input };
  const { id } = await mine.finished((await mine.submit("report.export", request)).id);
  const answer = await mine.call("GET", `/v1/jobs/${id}/result`);
  equal(answer.status, 200, "the status of the report");
  return answer.json;
}

async function report(deployment: Deployment): Promise<void> {
  const dataset = nameOf(deployment, "sales");
  await imported(deployment, dataset, "country,amount\nde,0.10\nat,1\nde,0.20\nde,\n");
  const metrics = ["sum", "avg", "min", "max"].map((op) => ({ op, column: "amount" }));
  const rows = await reported(deployment, {
    dataset,
    group_by: "country",
    metrics: [{ op: "count" }, ...metrics],
  });
  const wanted = [
    { country: "at", count: 1, sum_amount: "1", avg_amount: "1", min_amount: "1", max_amount: "1" },
    { country: "de", count: 3, sum_amount: "0.3", avg_amount: "0.15", min_amount: "0.1", max_amount: "0.2" },
  ];
  equal(numbersIn(rows), numbersIn(wanted), "the report");
}

/** Decimals without zeros at their ends: 0.10 and 0.1 are the same amount. */
function numbersIn(rows: unknown): unknown {
  return JSON.parse(
    JSON.stringify(rows).replace(
      /"(-?\d+)\.?(\d*?)0*"/g,
      (_, whole, part) => `"${whole}${part && `.${part}`}"`,
    ),
  );
}

async function reportAsFile(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const dataset = nameOf(deployment, "small");
  await imported(deployment, dataset, "n\n1\n2\n");
  const input = { dataset, metrics: [{ op: "count" }], format: "csv", requested_by: crypto.randomUUID() };
  const job = await mine.finished((await mine.submit("report.export", input)).id);
  const { file, rows } = job.result as { file: string; rows: number };
  const path = `/v1/jobs/${job.id}/result`;
  const answer = await mine.call("GET", path);
  equal([rows, answer.text], [1, await textOf(deployment, file)], "rows, and the result beside its file");
  matches(answer.headers.get("Content-Type"), /^text\/csv\b/, "the type");
  const part = await mine.call("GET", path, { headers: { Range: "bytes=0-4" } });
  equal([part.status, part.text], [206, answer.text.slice(0, 5)], "a range of the result");
  equal((await mine.call("DELETE", `/v1/jobs/${job.id}`)).status, 204, "the deletion of the job");
  equal((await mine.call("GET", `/v1/files/${file}`)).status, 404, "the status of the file of a deleted job");
}

async function reconciled(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const [ledger, statement] = [nameOf(deployment, "ledger"), nameOf(deployment, "statement")];
  await imported(deployment, ledger, "ref,amount\na,0.10\nb,0.20\nc,5.00\nd,9.99\n");
  await imported(deployment, statement, "ref,amount\na,0.1\nb,0.21\nd,10.00\ne,7\n");
  const input = { ledger, statement, key: "ref", amount: "amount", tolerance: "0.005" };
  const job = jobOf(
    await mine.call("POST", "/v1/jobs", { json: { type: "payments.reconcile", input } }),
    202,
  );
  const done = await mine.finished(job.id);
  const { discrepancies_file, ledger_total, statement_total, ...counts } = (done.result ?? {}) as Record<
    string,
    string
  >;
  const { matched, missing_in_statement, missing_in_ledger, different_amount } = counts;
  equal([matched, missing_in_statement, missing_in_ledger, different_amount], [1, 1, 1, 2], "the counts");
  equal([Number(ledger_total), Number(statement_total)], [15.29, 17.31], "the totals");
  const lines = (await textOf(deployment, discrepancies_file ?? "")).trim().split(/\r?\n/);
  equal(
    lines.slice(1).map((line) => line.split(",")[0]),
    ["b", "c", "d", "e"],
    "the keys that do not agree",
  );
}

export const dataChecks: readonly Check[] = [
  check("contract 10", "csv.import: every row, progress in bytes, the row count in message", importsAll),
  check("contract 10", "csv.import: rows that do not fit are rejected with line and reason", rejects),
  check("contract 10", "csv.import: another delimiter", delimiter),
  check("contract 10", "csv.import: a dataset is replaced, and no row doubled", replaces),
  check("contract 10", "csv.import: a file that is not there fails the job", missingFile),
  check("contract 10", "report.export: groups and metrics, in exact decimals", report),
  check(
    "contract 5",
    "report.export: the result is its file, with ranges, and goes with the job",
    reportAsFile,
  ),
  check("contract 10", "payments.reconcile: matched, missing and different, in exact decimals", reconciled),
];
