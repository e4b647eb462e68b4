import { describe, expect, test } from "vitest";
import { deleteStagedByJob } from "../../src/datasets/store.ts";
import { all, env, newTenant } from "../support/stores.ts";

type Tenant = ReturnType<typeof newTenant>;

async function rowsOf({ datasets }: Tenant, name: string) {
  const dataset = await datasets.describe(name);
  if (!dataset) return null;
  const everything = dataset.columns.map((_, index) => index);
  return (await all(datasets.pages(dataset, everything))).flat().map(({ line, cells }) => [line, ...cells]);
}

async function publish({ datasets }: Tenant, name: string, rows: string[][], columns = ["a", "b"]) {
  const target = await datasets.beginImport(name, columns);
  await target.stage(
    rows.map((cells, index) => ({ line: index + 2, cells })),
    [],
  );
  return target.publish();
}

async function staged(generation: string) {
  const counts = ["dataset_rows", "dataset_rejects", "dataset_generations"].map((table) =>
    env.DATA.prepare(`SELECT COUNT(*) AS n FROM ${table} WHERE generation = ?`)
      .bind(generation)
      .first<number>("n"),
  );
  return Promise.all(counts);
}

const always = () => true;

describe("an import", () => {
  test("not published yet → readers see the old rows, then all new ones", async () => {
    const tenant = newTenant();
    await publish(tenant, "d", [["1", "2"]]);
    const target = await tenant.datasets.beginImport("d", ["x"]);
    await target.stage([{ line: 2, cells: ["new"] }], []);
    expect(await rowsOf(tenant, "d")).toEqual([[2, "1", "2"]]);
    const published = await target.publish();
    expect(published).toMatchObject({ columns: ["x"], rowCount: 1, generation: target.generation });
    expect(await rowsOf(tenant, "d")).toEqual([[2, "new"]]);
  });

  test("staged, published and swept twice → same as once", async () => {
    const tenant = newTenant();
    const target = await tenant.datasets.beginImport("d", ["x"]);
    const rows = [2, 3, 4].map((line) => ({ line, cells: [`${line}`] }));
    const rejects = [{ line: 5, reason: "r", row: "5,5" }];
    for (const _ of [1, 2]) expect(await target.stage(rows, rejects)).toBe(true);
    for (const _ of [1, 2]) expect((await target.publish())?.rowCount).toBe(3);
    for (const _ of [1, 2]) await tenant.datasets.purge("d", always);
    expect(await rowsOf(tenant, "d")).toHaveLength(3);
    expect((await all(target.rejects())).flat()).toEqual(rejects);
  });

  test("any text → kept as it was", async () => {
    const tenant = newTenant();
    const cells = [
      '"quoted"',
      "a\r\nb",
      "é🙂",
      "\\u0041\\",
      "\u0000\u0001",
      " ",
      "",
      "null",
      "1e5",
      "\u2028",
    ];
    const columns = cells.map((_, index) => `c${index}`);
    await publish(tenant, "d", [cells], columns);
    expect(await rowsOf(tenant, "d")).toEqual([[2, ...cells]]);
    const dataset = await tenant.datasets.describe("d");
    expect(dataset && (await all(tenant.datasets.pages(dataset, [4, 2])))).toEqual([
      [{ line: 2, cells: ["\u0000\u0001", "é🙂"] }],
    ]);
  });

  test("largest rows, many at once → stored", async () => {
    const tenant = newTenant();
    const target = await tenant.datasets.beginImport("d", ["x"]);
    const worst = "\u0001".repeat(250_000);
    const rows = Array.from({ length: 6 }, (_, index) => ({ line: index + 2, cells: [worst] }));
    const small = Array.from({ length: 5_000 }, (_, index) => ({ line: index + 8, cells: [`${index}`] }));
    await target.stage([...rows, ...small], []);
    expect(await target.publish()).toMatchObject({ rowCount: 5_006, rowBytesMax: 1_500_004 });
    const dataset = await tenant.datasets.describe("d");
    const pages = dataset ? await all(tenant.datasets.pages(dataset, [0])) : [];
    expect(pages.flat().map((row) => row.line)).toEqual(
      Array.from({ length: 5_006 }, (_, index) => index + 2),
    );
    expect(pages[0]?.[5]?.cells[0] === worst).toBe(true);
  });

  test("superseded by the next import → neither stages nor publishes", async () => {
    const tenant = newTenant();
    const zombie = await tenant.datasets.beginImport("d", ["x"]);
    await zombie.stage([{ line: 2, cells: ["old"] }], [{ line: 3, reason: "r", row: "" }]);
    await publish(tenant, "d", [["1", "2"]]);
    expect(await zombie.stage([{ line: 4, cells: ["late"] }], [])).toBe(false);
    expect(await zombie.publish()).toBeNull();
    expect(await tenant.datasets.resumeImport("d", zombie.generation)).toBeNull();
    await tenant.datasets.purge("d", always);
    expect(await staged(zombie.generation)).toEqual([0, 0, 0]);
    expect(await zombie.stage([{ line: 4, cells: ["late"] }], [])).toBe(false);
    expect(await staged(zombie.generation)).toEqual([0, 0, 0]);
    expect(await rowsOf(tenant, "d")).toEqual([[2, "1", "2"]]);
  });

  test("interrupted staging → next run goes on where the last one stopped", async () => {
    const tenant = newTenant();
    const first = await tenant.datasets.beginImport("d", ["x", "y"]);
    await first.stage([{ line: 2, cells: ["1", "2"] }], []);
    const second = await tenant.datasets.resumeImport("d", first.generation);
    expect(second?.columns).toEqual(["x", "y"]);
    await second?.stage([{ line: 3, cells: ["3", "4"] }], []);
    expect((await second?.publish())?.rowCount).toBe(2);
  });

  test("already published → not abandoned", async () => {
    const tenant = newTenant();
    const target = await tenant.datasets.beginImport("d", ["x"]);
    await target.publish();
    await target.discard();
    await tenant.datasets.purge("d", always);
    expect(await target.publish()).not.toBeNull();
  });
});

test("sweep: stopped → the next one finishes it", async () => {
  const tenant = newTenant();
  const old = await publish(
    tenant,
    "d",
    Array.from({ length: 5_100 }, (_, index) => [`${index}`, ""]),
  );
  await publish(tenant, "d", [["1", "2"]]);
  let allowed = 1;
  await tenant.datasets.purge("d", () => allowed-- > 0);
  expect(await staged(old?.generation ?? "")).toEqual([100, 0, 1]);
  await tenant.datasets.purge("d", always);
  expect(await staged(old?.generation ?? "")).toEqual([0, 0, 0]);
});

test("read: generation replaced and swept meanwhile → fewer rows", async () => {
  const tenant = newTenant();
  await publish(
    tenant,
    "d",
    Array.from({ length: 5_100 }, (_, index) => [`${index}`, ""]),
  );
  const dataset = await tenant.datasets.describe("d");
  if (!dataset) throw new Error("no dataset");
  const reading = tenant.datasets.pages(dataset, [0])[Symbol.asyncIterator]();
  expect((await reading.next()).value).toHaveLength(5_000);
  await publish(tenant, "d", []);
  await tenant.datasets.purge("d", always);
  expect(await reading.next()).toMatchObject({ done: true });
});

test("tenants: same dataset name → separate datasets", async () => {
  const [one, other] = [newTenant(), newTenant()];
  await publish(one, "d", [["1", "2"]]);
  expect(await other.datasets.describe("d")).toBeNull();
  const target = await one.datasets.beginImport("d", ["x"]);
  expect(await other.datasets.resumeImport("d", target.generation)).toBeNull();
  await publish(other, "d", [["3", "4"]]);
  expect(await target.stage([{ line: 2, cells: ["5"] }], [])).toBe(true);
  expect(await rowsOf(one, "d")).toEqual([[2, "1", "2"]]);
  expect(await rowsOf(other, "d")).toEqual([[2, "3", "4"]]);
});

test("purge: job deleted → its staged rows deleted, published ones kept", async () => {
  const tenant = newTenant();
  const published = await publish(tenant, "kept", [["1", "2"]]);
  const target = await tenant.datasets.beginImport("failed", ["x"]);
  await target.stage([{ line: 2, cells: ["5"] }], []);
  const remove = (goOn: boolean) => deleteStagedByJob(env, tenant.tenant, tenant.jobId, () => goOn);
  expect(await remove(false)).toBe(false);
  for (const _ of [1, 2]) expect(await remove(true)).toBe(true);
  expect(await staged(target.generation)).toEqual([0, 0, 0]);
  expect(await staged(published?.generation ?? "")).toEqual([1, 0, 1]);
});
