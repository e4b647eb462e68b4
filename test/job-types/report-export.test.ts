import { describe, expect, test } from "vitest";
import { reportExport } from "../../src/job-types/report-export.ts";
import { putDataset, runType } from "../support/datasets.ts";
import { newTenant, sweepDataset, textOf } from "../support/stores.ts";

type Tenant = ReturnType<typeof newTenant>;
const common = { dataset: "orders", format: "csv", requested_by: "ada" };

async function report(tenant: Tenant, input: object) {
  const { outcome, reported } = runType(reportExport, tenant, { ...common, ...input });
  const result = (await outcome) as { file: string; rows: number };
  return { result, reported, text: await textOf(tenant.files, result.file) };
}

async function withOrders(rows: string[][], columns = ["country", "amount"]) {
  const tenant = newTenant();
  await putDataset(tenant, "orders", columns, rows);
  return tenant;
}

const everything = [
  { op: "count" },
  { op: "count", column: "amount" },
  { op: "sum", column: "amount" },
  { op: "avg", column: "amount" },
  { op: "min", column: "amount" },
  { op: "max", column: "amount" },
];

const orders = [
  ["DE", "0.1"],
  ["FR", "-5"],
  ["DE", "0.2"],
  ["DE", ""],
  ["", " 7 "],
];

describe("report.export", () => {
  test("aggregates by group with exact decimals, sorted, as CSV", async () => {
    const { result, text } = await report(await withOrders(orders), {
      group_by: "country",
      metrics: everything,
    });
    expect(text).toBe(
      [
        "country,count,count_amount,sum_amount,avg_amount,min_amount,max_amount",
        ",1,1,7,7,7,7",
        "DE,3,2,0.3,0.15,0.1,0.2",
        "FR,1,1,-5,-5,-5,-5",
        "",
      ].join("\n"),
    );
    expect(result.rows).toBe(3);
    expect(reportExport.resultFile?.(result)).toBe(result.file);
  });

  test("or as JSON, whose decimals are strings", async () => {
    const { text } = await report(await withOrders(orders), { metrics: everything, format: "json" });
    expect(JSON.parse(text)).toEqual([
      {
        count: 5,
        count_amount: 4,
        sum_amount: "2.3",
        avg_amount: "0.575",
        min_amount: "-5",
        max_amount: "7",
      },
    ]);
  });

  test("of no rows at all there is a count of 0 and a sum of 0, and no average", async () => {
    const tenant = await withOrders([]);
    const whole = await report(tenant, { metrics: everything, format: "json" });
    const none = {
      count: 0,
      count_amount: 0,
      sum_amount: "0",
      avg_amount: null,
      min_amount: null,
      max_amount: null,
    };
    expect(JSON.parse(whole.text)).toEqual([none]);
    const grouped = await report(tenant, { metrics: everything, format: "json", group_by: "country" });
    expect([grouped.text, grouped.result.rows]).toEqual(["[]\n", 0]);
  });

  test("keeps sums exact where binary fractions would not", async () => {
    const rows = Array.from({ length: 12_000 }, () => ["DE", "0.1"]);
    rows.push(["DE", "90071992547409930000000000.000000001"]);
    const { text, reported } = await report(await withOrders(rows), {
      metrics: [{ op: "sum", column: "amount" }],
    });
    expect(text).toBe("sum_amount\n90071992547409930000001200.000000001\n");
    expect(reported.progress.map(({ current, total }) => [current, total])).toEqual([
      [5_000, 12_001],
      [10_000, 12_001],
      [12_001, 12_001],
    ]);
  });

  test("gives a spreadsheet nothing to run", async () => {
    const rows = [
      ["=1+1", "1"],
      ['@x,"y"', "1"],
      ["-5", "1"],
    ];
    const { text } = await report(await withOrders(rows), {
      group_by: "country",
      metrics: [{ op: "count" }],
    });
    expect(text).toBe(`country,count\n-5,1\n'=1+1,1\n"'@x,""y""",1\n`);
  });

  test("is not confused by a column called __proto__", async () => {
    const tenant = await withOrders([["a", "1"]], ["__proto__", "amount"]);
    const { text } = await report(tenant, {
      group_by: "__proto__",
      metrics: [{ op: "count" }],
      format: "json",
    });
    expect(text).toBe('[\n{"__proto__":"a","count":1}\n]\n');
  });

  test.each([
    ["unknown_column", { group_by: "nowhere", metrics: [{ op: "count" }] }],
    ["unknown_column", { metrics: [{ op: "sum", column: "nowhere" }] }],
    ["ambiguous_column", { group_by: "count", metrics: [{ op: "count" }] }],
    ["not_a_number", { metrics: [{ op: "sum", column: "country" }] }],
  ])("fails for good: %s", async (code, input) => {
    const tenant = await withOrders(orders);
    const failure = { name: "JobFailure", kind: "invalid_input", code };
    await expect(report(tenant, input)).rejects.toMatchObject(failure);
  });

  test.each(["1e5", "0x10", "1,5", "Infinity", "--1", "1".repeat(41), "."])(
    "%s is no plain number, and the line is named",
    async (cell) => {
      const tenant = await withOrders([
        ["DE", "1"],
        ["DE", cell],
      ]);
      await expect(report(tenant, { metrics: [{ op: "max", column: "amount" }] })).rejects.toMatchObject({
        code: "not_a_number",
        publicMessage: "Column amount has no plain decimal number on line 3.",
      });
    },
  );

  test("refuses more groups than fit in memory", async () => {
    const rows = Array.from({ length: 33_334 }, (_, index) => [`g${index}`, "1"]);
    const tenant = await withOrders(rows);
    const input = { group_by: "country", metrics: everything };
    await expect(report(tenant, input)).rejects.toMatchObject({ code: "too_many_groups" });
    expect((await report(tenant, { ...input, metrics: [{ op: "count" }] })).result.rows).toBe(33_334);
  });

  test("does not know another tenant's dataset", async () => {
    await withOrders(orders);
    await expect(report(newTenant(), { metrics: [{ op: "count" }] })).rejects.toMatchObject({
      kind: "not_found",
      code: "dataset_not_found",
    });
  });

  test("starts over when its dataset is replaced while it reads", async () => {
    const tenant = await withOrders(Array.from({ length: 6_000 }, () => ["DE", "1"]));
    const datasets = { ...tenant.datasets };
    datasets.pages = async function* (dataset, columns) {
      for await (const page of tenant.datasets.pages(dataset, columns)) {
        yield page;
        await putDataset(tenant, "orders", ["country", "amount"], []);
        await sweepDataset(tenant.tenant, "orders");
      }
    };
    const { outcome } = runType(
      reportExport,
      tenant,
      { ...common, metrics: [{ op: "count" }] },
      { datasets },
    );
    await expect(outcome).rejects.toMatchObject({ kind: "service_unavailable", code: "dataset_changed" });
  });

  test("has one place per requester, dataset and grouping, and none that two could share by accident", () => {
    const place = (input: object) => reportExport.uniqueKey?.(reportExport.input.parse(input));
    const input = { ...common, metrics: [{ op: "count" }] };
    expect(place(input)).toBe(place({ ...input, metrics: everything, format: "json" }));
    const others = [
      { group_by: "a" },
      { requested_by: 'ada","orders' },
      { dataset: "other" },
      { group_by: "null" },
    ];
    expect(new Set([input, ...others.map((other) => ({ ...input, ...other }))].map(place)).size).toBe(5);
  });

  test.each([
    { metrics: [] },
    { metrics: [{ op: "sum" }] },
    { metrics: [{ op: "median", column: "amount" }] },
    { metrics: [{ op: "count" }, { op: "count" }] },
    { metrics: [{ op: "count", extra: 1 }] },
    { metrics: [{ op: "count" }], format: "xml" },
    { metrics: [{ op: "count" }], requested_by: "" },
  ])("does not accept %j", (input) => {
    expect(reportExport.input.safeParse({ ...common, ...input }).success).toBe(false);
  });
});
