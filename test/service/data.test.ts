/** Files, datasets and reports from outside: what goes in comes out, byte for byte and cent for cent. */

import { createHash, randomBytes } from "node:crypto";
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

test.concurrent("a file comes back as it was sent, whole or in part, until it is deleted", async () => {
  const { acme, globex } = service;
  const content = randomBytes(3_000_000);
  const file = await upload(acme, content, "application/x-noise");
  const sha256 = createHash("sha256").update(content).digest("hex");
  expect(file).toMatchObject({ size: content.length, content_type: "application/x-noise", sha256 });

  const url = `${service.url}/v1/files/${file.id}`;
  const headers = { Authorization: `Bearer ${service.keys.acme.read}` };
  const whole = await fetch(url, { headers });
  expect(content.equals(await whole.bytes())).toBe(true);
  const part = await fetch(url, { headers: { ...headers, Range: "bytes=1000-1999" } });
  expect([part.status, content.subarray(1000, 2000).equals(await part.bytes())]).toEqual([206, true]);

  expect((await globex.call("GET", `/v1/files/${file.id}`)).status).toBe(404);
  expect((await acme.call("DELETE", `/v1/files/${file.id}`)).status).toBe(204);
  expect((await acme.call("GET", `/v1/files/${file.id}`)).status).toBe(404);
});

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

test.concurrent("rows that do not fit are rejected by line, and the others imported", async () => {
  const { acme } = service;
  const job = await importCsv(acme, "id,amount\n1,10.00\n2\n3,30.00,extra\n4,40.00\n", "patchy");
  expect(job).toMatchObject({ status: "succeeded", result: { rows_imported: 2, rows_rejected: 2 } });
  const { rejects_file } = job.result as { rejects_file: string };
  const { text } = await acme.call("GET", `/v1/files/${rejects_file}`);
  expect(text.split(/\r?\n/).map((line) => line.split(",")[0])).toEqual(["line", "3", "4", ""]);
});

test.concurrent("what a job produced goes with the job", async () => {
  const { globex } = service;
  await importCsv(globex, "id,amount\n1,10.00\n", "small");
  const ask = { dataset: "small", metrics: [{ op: "count" }], format: "json", requested_by: "ada" };
  const { id, result } = await globex.finished(await globex.submit({ type: "report.export", input: ask }));
  const { file } = result as { file: string };
  expect((await globex.call("GET", `/v1/files/${file}`)).status).toBe(200);
  expect((await globex.call("DELETE", `/v1/jobs/${id}`)).status).toBe(204);
  expect((await globex.call("GET", `/v1/files/${file}`)).status).toBe(404);
  expect((await globex.call("GET", `/v1/jobs/${id}`)).status).toBe(404);
});
