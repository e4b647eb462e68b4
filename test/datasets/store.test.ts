import { runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, test, vi } from "vitest";
import { HOUR } from "../../src/core/time.ts";
import { datasetObject } from "../../src/rpc/dataset.ts";
import { succeed } from "../support/moves.ts";
import { hold, submitted, TENANT } from "../support/objects.ts";
import { all, env, inDataset, newTenant, sweepDataset } from "../support/stores.ts";

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

/** How many chunks and generations are stored. */
async function stored({ tenant }: Pick<Tenant, "tenant">, name: string): Promise<[number, number]> {
  return inDataset(tenant, name, ({ storage: { sql } }) => {
    const tables = sql.exec("SELECT name FROM sqlite_master WHERE name = 'chunks'").toArray();
    const count = (table: string) => Number(sql.exec(`SELECT COUNT(*) AS n FROM ${table}`).one().n);
    return tables.length === 0 ? [0, 0] : [count("chunks"), count("generations")];
  });
}

const rowsFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ line: first + index, cells: [`${first + index}`] }));

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
    await sweepDataset(tenant.tenant, "d");
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
    expect(await target.publish()).toMatchObject({ rowCount: 5_006 });
    const dataset = await tenant.datasets.describe("d");
    const pages = dataset ? await all(tenant.datasets.pages(dataset, [0])) : [];
    expect(pages.flat().map((row) => row.line)).toEqual(
      Array.from({ length: 5_006 }, (_, index) => index + 2),
    );
    expect(pages.flat()[5]?.cells[0] === worst).toBe(true);
  });

  test("superseded by the next import → neither stages nor publishes", async () => {
    const tenant = newTenant();
    const zombie = await tenant.datasets.beginImport("d", ["x"]);
    await zombie.stage([{ line: 2, cells: ["old"] }], [{ line: 3, reason: "r", row: "" }]);
    await publish(tenant, "d", [["1", "2"]]);
    expect(await zombie.stage([{ line: 4, cells: ["late"] }], [])).toBe(false);
    expect(await zombie.publish()).toBeNull();
    expect(await tenant.datasets.resumeImport("d", zombie.generation)).toBeNull();
    await sweepDataset(tenant.tenant, "d");
    expect(await zombie.stage([{ line: 4, cells: ["late"] }], [])).toBe(false);
    expect(await stored(tenant, "d")).toEqual([1, 1]);
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
    await sweepDataset(tenant.tenant, "d");
    expect(await target.publish()).not.toBeNull();
  });

  test("staged again in other portions, and by an attempt that is over → each row once, in order", async () => {
    const tenant = newTenant();
    const target = await tenant.datasets.beginImport("d", ["x"]);
    await target.stage(rowsFrom(2, 10), [{ line: 12, reason: "r", row: "" }]);
    await target.stage(rowsFrom(7, 10), []);
    const late = await tenant.datasets.resumeImport("d", target.generation);
    await late?.stage(rowsFrom(2, 3), [{ line: 12, reason: "r", row: "" }]);
    await late?.stage(rowsFrom(5, 20), []);
    expect(await target.publish()).toMatchObject({ rowCount: 22 });
    const lines = (await rowsOf(tenant, "d"))?.map(([line]) => line);
    expect(lines).toEqual([...rowsFrom(2, 10), ...rowsFrom(13, 12)].map(({ line }) => line));
    expect((await all(target.rejects())).flat()).toHaveLength(1);
  });
});

test("sweep: many chunks → a portion each time, then all gone", async () => {
  const tenant = newTenant();
  const target = await tenant.datasets.beginImport("d", ["x"]);
  for (let at = 0; at < 150; at += 1) await target.stage(rowsFrom(2 + at, 1), []);
  await target.publish();
  await publish(tenant, "d", [["1", "2"]]);
  const counts: number[] = [];
  for (let turn = 0; turn < 3; turn += 1) {
    counts.push((await stored(tenant, "d"))[0]);
    await runDurableObjectAlarm(env.DATASETS.getByName(`${tenant.tenant}/d`));
  }
  expect(counts).toEqual([151, 51, 1]);
  expect(await stored(tenant, "d")).toEqual([1, 1]);
});

test("read: generation replaced and swept meanwhile → fewer rows", async () => {
  const tenant = newTenant();
  const target = await tenant.datasets.beginImport("d", ["x"]);
  for (const first of [2, 1_002]) await target.stage(rowsFrom(first, 1_000), []);
  const dataset = await target.publish();
  if (!dataset) throw new Error("no dataset");
  const reading = tenant.datasets.pages(dataset, [0])[Symbol.asyncIterator]();
  expect((await reading.next()).value).toHaveLength(1_000);
  await publish(tenant, "d", []);
  await sweepDataset(tenant.tenant, "d");
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

describe("rows that an import left staged", () => {
  async function stagedBy(jobId: string) {
    const tenant = { tenant: TENANT };
    const name = crypto.randomUUID();
    const object = datasetObject(env, TENANT, name);
    await object.begin(TENANT, jobId, "gen_1", ["x"]);
    const items = JSON.stringify([[2, ["1"]]]);
    await object.stage("gen_1", { rows: [{ firstLine: 2, lastLine: 2, count: 1, items }], rejects: [] });
    /** The alarm fires when the import has been idle for this long. */
    async function afterIdle(ms: number): Promise<[number, number]> {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
      try {
        await sweepDataset(TENANT, name);
      } finally {
        vi.useRealTimers();
      }
      return stored(tenant, name);
    }
    return afterIdle;
  }

  test("the job is running → kept, and looked at again", async () => {
    const afterIdle = await stagedBy((await submitted()).id);
    expect(await afterIdle(2 * HOUR)).toEqual([1, 1]);
    expect(await afterIdle(4 * HOUR)).toEqual([1, 1]);
  });

  test("the job has ended → deleted, but not at once", async () => {
    const { id } = await submitted();
    const afterIdle = await stagedBy(id);
    await succeed(id);
    expect(await afterIdle(HOUR / 2)).toEqual([1, 1]);
    expect(await afterIdle(2 * HOUR)).toEqual([0, 0]);
  });

  test("the job was deleted → deleted", async () => {
    const { id } = await submitted();
    const afterIdle = await stagedBy(id);
    await succeed(id);
    await hold(id).api().delete();
    expect(await afterIdle(2 * HOUR)).toEqual([0, 0]);
  });
});
