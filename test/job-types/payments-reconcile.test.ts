import { describe, expect, test } from "vitest";
import { Continuation } from "../../src/job-types/define.ts";
import { paymentsReconcile } from "../../src/job-types/payments-reconcile.ts";
import { putDataset, runType } from "../support/datasets.ts";
import { newTenant, textOf } from "../support/stores.ts";

type Tenant = ReturnType<typeof newTenant>;
type Result = { discrepancies_file: string } & Record<string, number | string>;
const input = { ledger: "ledger", statement: "bank", key: "ref", amount: "amount" };

async function withBoth(ledger: string[][], bank: string[][]): Promise<Tenant> {
  const tenant = newTenant();
  await putDataset(tenant, "ledger", ["ref", "amount"], ledger);
  // The columns need not stand in the same places.
  await putDataset(
    tenant,
    "bank",
    ["note", "amount", "ref"],
    bank.map(([ref = "", amount = ""]) => ["", amount, ref]),
  );
  return tenant;
}

async function reconcile(tenant: Tenant, more: object = {}) {
  const result = (await runType(paymentsReconcile, tenant, { ...input, ...more }).outcome) as Result;
  const { discrepancies_file, ...counts } = result;
  return { counts, lines: (await textOf(tenant.files, discrepancies_file)).trim().split("\n").slice(1) };
}

describe("payments.reconcile", () => {
  test("keys that people cannot tell apart → matched", async () => {
    const tenant = await withBoth(
      [
        ["Caf\u00e9-1", "1"],
        ["R-2", "+2"],
        ["R-3", "3"],
      ],
      [
        ["Cafe\u0301-1", "1"],
        ["R-2\u200b", "2.00"],
        ["\u00a0R-3", "3"],
      ],
    );
    expect(await reconcile(tenant)).toMatchObject({ counts: { matched: 3, ledger_total: "6" }, lines: [] });
  });

  test("counts what agrees and lists what does not", async () => {
    const tenant = await withBoth(
      [
        ["a", "10.10"],
        ["b", "5"],
        ["c", "1"],
        ["dup", "2"],
        ["dup", "2"],
        ["=x", "-1"],
      ],
      [
        [" a", "10.1"],
        ["b", "5.01"],
        ["d", "7"],
        ["dup", "4"],
      ],
    );
    expect(await reconcile(tenant)).toEqual({
      counts: {
        matched: 1,
        missing_in_statement: 2,
        missing_in_ledger: 1,
        different_amount: 1,
        duplicate_keys: 1,
        ledger_total: "19.1",
        statement_total: "26.11",
      },
      lines: [
        "'=x,missing_in_statement,-1,,1,7,",
        "b,different_amount,5,5.01,0.01,3,3",
        "c,missing_in_statement,1,,-1,4,",
        "d,missing_in_ledger,,7,7,,4",
        "dup,duplicate_key,4,4,0,5,5",
      ],
    });
  });

  test.each([
    ["0.01", 1],
    [0.01, 1],
    ["0.009", 0],
    [0, 0],
  ])("a tolerance of %j is exact", async (tolerance, matched) => {
    const tenant = await withBoth([["a", "0.30"]], [["a", "0.31"]]);
    expect((await reconcile(tenant, { tolerance })).counts).toMatchObject({ matched });
  });

  test("of nothing on both sides, all agrees", async () => {
    const { counts, lines } = await reconcile(await withBoth([], []));
    expect(counts).toMatchObject({ matched: 0, ledger_total: "0", statement_total: "0" });
    expect(lines).toEqual([]);
  });

  test.each([
    ["empty_key", ["", "1"]],
    ["key_too_long", ["x".repeat(257), "1"]],
    ["not_a_number", ["a", ""]],
    ["not_a_number", ["a", "1e3"]],
  ])("a row that cannot be compared fails it for good, and is named: %s", async (code, row) => {
    await expect(reconcile(await withBoth([], [row]))).rejects.toMatchObject({
      kind: "invalid_input",
      code,
      publicMessage: expect.stringMatching(/line 2 of bank/i),
    });
  });

  test("needs both datasets and their columns", async () => {
    const tenant = await withBoth([], []);
    await expect(reconcile(tenant, { ledger: "none" })).rejects.toMatchObject({ code: "dataset_not_found" });
    await expect(reconcile(tenant, { key: "note" })).rejects.toMatchObject({ code: "unknown_column" });
  });

  test.each([{ tolerance: -1 }, { tolerance: "-1" }, { tolerance: "1e3" }, { tolerance: "x" }, { more: 1 }])(
    "does not accept %j",
    (more) => {
      expect(paymentsReconcile.input.safeParse({ ...input, ...more }).success).toBe(false);
    },
  );
});

describe("more rows than fit in memory", { timeout: 120_000 }, () => {
  const many = 75_000;
  const refs = Array.from({ length: many }, (_, index) => `R${index}`);

  async function large(): Promise<Tenant> {
    const ledger = refs.map((ref) => [ref, "0.10"]);
    const bank = refs.slice(10).map((ref, index) => [ref, index % 1_000 === 0 ? "0.20" : "0.10"]);
    return withBoth(ledger, bank);
  }

  const expected = {
    matched: many - 10 - 75,
    missing_in_statement: 10,
    missing_in_ledger: 0,
    different_amount: 75,
    duplicate_keys: 0,
    ledger_total: "7500",
    statement_total: "7506.5",
  };

  test("several passes and several runs → the same result", async () => {
    const tenant = await large();
    const atOnce = await reconcile(tenant);
    expect(atOnce.counts).toEqual(expected);
    expect(atOnce.lines).toHaveLength(85);

    const first = runType(paymentsReconcile, tenant, input, { remainingMs: () => 1_000 });
    const ended = await first.outcome;
    expect(ended).toBeInstanceOf(Continuation);
    const { checkpoint } = ended as Continuation;
    const { outcome, reported } = runType(paymentsReconcile, tenant, input, { checkpoint });
    const { discrepancies_file, ...counts } = (await outcome) as Result;
    expect(counts).toEqual(expected);
    const lines = (await textOf(tenant.files, discrepancies_file)).trim().split("\n").slice(1);
    expect(lines).toEqual(atOnce.lines);
    const rows = 2 * many - 10;
    expect(reported.progress.at(-1)).toMatchObject({ current: rows, total: rows, unit: "rows" });
    expect(first.reported.progress.at(-1)?.current).toBeLessThan(rows);

    await putDataset(tenant, "bank", ["ref", "amount"], []);
    const afresh = runType(paymentsReconcile, tenant, input, { checkpoint });
    expect(await afresh.outcome).toMatchObject({
      matched: 0,
      missing_in_statement: many,
      statement_total: "0",
    });
  });
});
