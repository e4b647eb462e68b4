/** Files, datasets and reports from outside: what goes in comes out, byte for byte and cent for cent. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../scripts/wrangler.ts";
import type { Client } from "./client.ts";
import { sharedService } from "./service.ts";

const service = sharedService();

type StoredFile = { id: string; size: number; content_type: string; sha256: string };

async function upload(client: Client, content: string | Uint8Array, type: string): Promise<StoredFile> {
  const { status, data } = await client.call<StoredFile>("POST", "/v1/files", content, {
    "Content-Type": type,
  });
  expect(status).toBe(201);
  return data;
}

async function importCsv(client: Client, content: string | Uint8Array, dataset: string) {
  const { id: file } = await upload(client, content, "text/csv");
  return client.finished(await client.submit({ type: "csv.import", input: { file, dataset } }));
}

test.concurrent("a real CSV is imported whole, and the report's result is its file", async () => {
  const { acme } = service;
  const csv = await readFile(join(root, "examples/data/bird-strikes-1990s.csv"));
  const imported = await importCsv(acme, csv, "strikes");
  expect(imported).toMatchObject({ status: "succeeded", result: { rows_imported: 7213, rows_rejected: 0 } });
  expect(imported.progress).toMatchObject({ unit: "bytes", percent: 100 });

  const column = "Cost Total $";
  const metrics = [{ op: "count" }, { op: "sum", column }];
  const ask = { dataset: "strikes", group_by: "Wildlife Size", metrics, format: "csv", requested_by: "ada" };
  const report = await acme.finished(await acme.submit({ type: "report.export", input: ask }));
  expect(report).toMatchObject({ status: "succeeded", result: { rows: 3 } });

  const answer = await acme.call("GET", `/v1/jobs/${report.id}/result`);
  expect(answer.headers.get("Content-Type")).toBe("text/csv; charset=utf-8");
  const [header, ...rows] = answer.text.trim().split(/\r?\n/);
  expect(header).toBe("Wildlife Size,count,sum_Cost Total $");
  expect(rows.toSorted()).toEqual(talliesOf(csv.toString(), "Wildlife Size", column));
});

/** What the report must say, worked out the plain way; no cell of this file has quotes or fractions. */
function talliesOf(csv: string, group: string, column: string): string[] {
  const [header = [], ...rows] = csv
    .trim()
    .split("\n")
    .map((line) => line.split(","));
  const tallies = new Map<string, { count: number; sum: number }>();
  for (const row of rows) {
    const name = row[header.indexOf(group)] ?? "";
    const { count, sum } = tallies.get(name) ?? { count: 0, sum: 0 };
    tallies.set(name, { count: count + 1, sum: sum + Number(row[header.indexOf(column)]) });
  }
  return [...tallies].map(([name, { count, sum }]) => `${name},${count},${sum}`).toSorted();
}
