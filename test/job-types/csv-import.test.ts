import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { csvImport } from "../../src/job-types/csv-import.ts";
import { Continuation, type JobContext } from "../../src/job-types/define.ts";
import { fakeJobContext } from "../support/job-context.ts";
import { all, chunked, newTenant, textOf } from "../support/stores.ts";

type Tenant = ReturnType<typeof newTenant>;
type Result = {
  dataset: string;
  columns: string[];
  rows_imported: number;
  rows_rejected: number;
  rows_blank: number;
  rejects_file: string | null;
};

async function upload({ store, tenant }: Tenant, content: string | Uint8Array): Promise<string> {
  const created = await store.create({
    tenant,
    jobId: null,
    contentType: "text/csv",
    chunks: chunked(content, 99_991),
    bytesMax: 200 * 1024 * 1024,
  });
  if (!created.ok) throw new Error(created.reason);
  return created.file.id;
}

async function rowsOf({ datasets }: Tenant, name = "d") {
  const dataset = await datasets.describe(name);
  if (!dataset) return null;
  const everything = dataset.columns.map((_, index) => index);
  return (await all(datasets.pages(dataset, everything))).flat().map(({ line, cells }) => [line, ...cells]);
}

function run(tenant: Tenant, input: object, overrides: Partial<JobContext> = {}) {
  const { files, datasets } = tenant;
  const { job, reported } = fakeJobContext({ files, datasets, ...overrides });
  return { outcome: csvImport.run(csvImport.input.parse({ dataset: "d", ...input }), job), reported };
}

/** Files, read in full: a run that stops halfway then cancels no transfer from R2, which workerd would log. */
function filesInMemory({ files }: Tenant): JobContext["files"] {
  return {
    ...files,
    open: async (id, from) => {
      const opened = await files.open(id, from);
      return (
        opened && { ...opened, body: new Blob([await new Response(opened.body).arrayBuffer()]).stream() }
      );
    },
  };
}

async function importText(tenant: Tenant, content: string | Uint8Array, input: object = {}): Promise<Result> {
  const file = await upload(tenant, content);
  return (await run(tenant, { file, ...input }).outcome) as Result;
}

const refusal = (code: string, kind = "invalid_input") => ({ name: "JobFailure", code, kind });

describe("csv.import", () => {
  test("reads rows with quoted line ends, CRLF, BOM and another delimiter", async () => {
    const tenant = newTenant();
    const text = '\ufeffid;"na;me"\r\n1;"a\r\nb"\r\n\r\n2;"say ""hi"""\r\n3;é🙂';
    expect(await importText(tenant, text, { delimiter: ";" })).toEqual({
      dataset: "d",
      columns: ["id", "na;me"],
      rows_imported: 3,
      rows_rejected: 0,
      rows_blank: 0,
      rejects_file: null,
    });
    expect(await rowsOf(tenant)).toEqual([
      [2, "1", "a\r\nb"],
      [5, "2", 'say "hi"'],
      [6, "3", "é🙂"],
    ]);
  });

  test("puts rows that do not fit aside, with the lines they stand on, and goes on", async () => {
    const tenant = newTenant();
    const text = 'a,b\n1,"x\ny"\n1,2,3\n"lone"\n4,"q"q\n5,6\n7,"never closed\n8,9\n';
    const result = await importText(tenant, text);
    expect(result).toMatchObject({ rows_imported: 2, rows_rejected: 4 });
    expect(await rowsOf(tenant)).toEqual([
      [2, "1", "x\ny"],
      [7, "5", "6"],
    ]);
    expect(await textOf(tenant.files, result.rejects_file ?? "")).toBe(
      [
        "line,reason,row",
        '4,3 cells instead of 2,"1,2,3"',
        '5,1 cells instead of 2,"""lone"""',
        '6,wrong quotes,"4,""q""q"',
        '8,wrong quotes,"7,""never closed\n8,9"',
        "",
      ].join("\n"),
    );
  });

  test.each([
    [
      "Excel, German",
      "\ufeffsep=;\r\nRef;Betrag\r\nA;1,00\r\n;\r\n;\r\n",
      { delimiter: ";" },
      ["Ref", "Betrag"],
      [["A", "1,00"]],
      2,
    ],
    [
      "Excel, Unicode text saved as UTF-8",
      "sep=\t\na\tb\n1\t2\n",
      { delimiter: "\t" },
      ["a", "b"],
      [["1", "2"]],
      0,
    ],
    ["LibreOffice, all text quoted", '"a","b"\n"1","x ""y"""\n"",""\n', {}, ["a", "b"], [["1", 'x "y"']], 1],
    ["Numbers, blank table below", "a,b\n1,2\n,\n,\n,\n", {}, ["a", "b"], [["1", "2"]], 3],
    [
      "a dump of PostgreSQL",
      'id,note\n1,"two\nlines"\n2,\n',
      {},
      ["id", "note"],
      [
        ["1", "two\nlines"],
        ["2", ""],
      ],
      0,
    ],
    [
      "a name with outer blanks, in decomposed form",
      " cafe\u0301 ,b\n1,2\n",
      {},
      ["caf\u00e9", "b"],
      [["1", "2"]],
      0,
    ],
  ])(
    "a file as written by %s → its rows, blank ones left out and counted",
    async (_who, text, input, columns, rows, blank) => {
      const tenant = newTenant();
      const result = await importText(tenant, text, input);
      expect(result).toMatchObject({
        columns,
        rows_imported: rows.length,
        rows_rejected: 0,
        rows_blank: blank,
      });
      expect((await rowsOf(tenant))?.map(([, ...cells]) => cells)).toEqual(rows);
    },
  );

  test.each([
    ["names another delimiter", "sep=;\na,b\n1,2\n", "other_delimiter"],
    ["has two names that look alike", "id,i\u200bd\n1,2\n", "bad_column_name"],
    ["has one name in two forms", "caf\u00e9,cafe\u0301\n1,2\n", "duplicate_column_name"],
    ["has a name that cannot be seen", "\u200b,b\n1,2\n", "bad_column_name"],
  ])("a file whose first line %s → refused", async (_what, text, code) => {
    const tenant = newTenant();
    await expect(importText(tenant, text)).rejects.toMatchObject(refusal(code));
    expect(await rowsOf(tenant)).toBeNull();
  });

  test("more rows rejected than max_rejected → failed, the dataset stays as it was, nothing is left", async () => {
    const tenant = newTenant();
    await importText(tenant, "a,b\n1,2\n");
    const text = "a,b\n1\n2\n3,4\n";
    await expect(importText(tenant, text, { max_rejected: 1 })).rejects.toMatchObject({
      ...refusal("too_many_rejected"),
      message: "2 rows do not fit, more than max_rejected allows. Line 3: 1 cells instead of 2.",
    });
    expect(await rowsOf(tenant)).toEqual([[2, "1", "2"]]);
    expect(await importText(tenant, text, { max_rejected: 2 })).toMatchObject({
      rows_imported: 1,
      rows_rejected: 2,
    });
  });

  test("a rejected row that a spreadsheet would run → disarmed in the rejects file", async () => {
    const tenant = newTenant();
    const { rejects_file } = await importText(tenant, "a,b\n=cmd|' /C calc'!A0\n");
    expect(await textOf(tenant.files, rejects_file ?? "")).toContain("2,1 cells instead of 2,'=cmd|");
  });

  test("a file with a header and no rows empties the dataset", async () => {
    const tenant = newTenant();
    await importText(tenant, "a,b\n1,2\n");
    expect(await importText(tenant, "x,y,z")).toMatchObject({ columns: ["x", "y", "z"], rows_imported: 0 });
    expect(await rowsOf(tenant)).toEqual([]);
  });

  test.each([
    ["no_header", ""],
    ["no_header", "\n\n"],
    ["unreadable_header", 'a,"b"c\n1,2\n'],
    ["empty_column_name", "a,,c\n"],
    ["duplicate_column_name", "a,b,a\n"],
    ["bad_column_name", `a,${"x".repeat(201)}\n`],
    ["bad_column_name", 'a,"b\nc"\n'],
    ["too_many_columns", `${Array.from({ length: 1001 }, (_, index) => `c${index}`).join()}\n`],
    ["not_utf8", new Uint8Array([0x61, 0x0a, 0xff, 0x0a])],
    ["row_too_large", `a\n1\n${"x".repeat(300_000)}\n2\n`],
  ])("refuses a file for good: %s", async (code, content) => {
    const tenant = newTenant();
    await importText(tenant, "a\nkept\n");
    await expect(importText(tenant, content)).rejects.toMatchObject(refusal(code));
    expect(await rowsOf(tenant)).toEqual([[2, "kept"]]);
  });

  test("does not know a file of another tenant, or none", async () => {
    const [one, other] = [newTenant(), newTenant()];
    const file = await upload(one, "a\n1\n");
    const missing = refusal("file_not_found", "not_found");
    await expect(run(other, { file }).outcome).rejects.toMatchObject(missing);
    await expect(run(one, { file: "file_01unknown" }).outcome).rejects.toMatchObject(missing);
    expect(await rowsOf(other)).toBeNull();
  });

  test("progress counts bytes and is complete only when the rows are published", async () => {
    const tenant = newTenant();
    const text = `a,b\n${`1,${"x".repeat(1000)}\n`.repeat(1_600)}`;
    const file = await upload(tenant, text);
    const events: string[] = [];
    const { files, datasets } = tenant;
    const { outcome } = run(
      tenant,
      { file },
      {
        files,
        datasets,
        progress: ({ current, total, unit }) => {
          expect([total, unit]).toEqual([text.length, "bytes"]);
          events.push(current === text.length ? "complete" : "partial");
        },
        ensureCurrent: async () => void events.push("publishing"),
      },
    );
    await outcome;
    expect(events).toEqual(["partial", "partial", "partial", "publishing", "complete"]);
  });

  test("an attempt that no longer counts publishes nothing", async () => {
    const tenant = newTenant();
    const file = await upload(tenant, "a\n1\n");
    const ensureCurrent = () => Promise.reject(new Error("stale"));
    await expect(run(tenant, { file }, { ensureCurrent }).outcome).rejects.toThrow("stale");
    const signal = AbortSignal.abort();
    await expect(run(tenant, { file }, { signal }).outcome).rejects.toThrow();
    expect(await rowsOf(tenant)).toBeNull();
  });

  test("little time left → asks for a continuation, which goes on there", async () => {
    const tenant = newTenant();
    const text = `a,b\n${`1,${"x".repeat(1000)}\n`.repeat(1_600)}`;
    const file = await upload(tenant, text);
    const outcome = await run(tenant, { file }, { files: filesInMemory(tenant), remainingMs: () => 10_000 })
      .outcome;
    expect(outcome).toBeInstanceOf(Continuation);
    const { checkpoint } = outcome as Continuation;
    const { outcome: rest } = run(tenant, { file }, { checkpoint });
    expect(await rest).toMatchObject({ rows_imported: 1_600 });
  });

  test.each([
    { file: "file_01x", dataset: "a/b" },
    { file: "../x", dataset: "d" },
    { file: "file_01x", dataset: "d", delimiter: '"' },
    { file: "file_01x", dataset: "d", delimiter: "\n" },
    { file: "file_01x", dataset: "d", delimiter: ";;" },
    { file: "file_01x", dataset: "d", more: 1 },
  ])("does not accept %j", (input) => {
    expect(csvImport.input.safeParse(input).success).toBe(false);
  });
});

/** A file of several batches, with every kind of row, and what must come of it. */
function bigFile() {
  const lines = ["id,text"];
  const rows: (string | number)[][] = [];
  const rejects: number[] = [];
  let line = 2;
  for (let nth = 0; nth < 2_000; nth += 1) {
    const filling = "y".repeat(900 + (nth % 13));
    if (nth % 97 === 5) {
      lines.push(`${nth},${filling},too much`);
      rejects.push(line);
    } else if (nth % 10 === 3) {
      lines.push(`${nth},"two\nlines ${filling}"`);
      rows.push([line, `${nth}`, `two\nlines ${filling}`]);
      line += 1;
    } else {
      lines.push(`${nth},${filling}`);
      rows.push([line, `${nth}`, filling]);
    }
    line += 1;
  }
  return { text: `${lines.join("\n")}\n`, rows, rejects };
}

/** What befalls a batch: nothing, a crash around staging or saving, or the end of the run. */
const fates = ["none", "before_staging", "after_staging", "after_saving", "run_ends"] as const;
type Fate = (typeof fates)[number];

/** Runs the import as the service would: again from the last checkpoint, until it has a result. */
async function runThrough(tenant: Tenant, input: object, fateOf: () => Fate): Promise<Result> {
  let checkpoint: unknown = null;
  for (let tries = 0; tries < 100; tries += 1) {
    let fate: Fate = fateOf();
    const crash = (when: Fate) => {
      if (fate === when) throw new Error(`crash ${when}`);
    };
    const { datasets } = tenant;
    const crashing: JobContext["datasets"] = { ...datasets };
    type Target = Awaited<ReturnType<typeof datasets.beginImport>>;
    const failing = (target: Target): Target => ({
      ...target,
      stage: async (rows, rejects) => {
        crash("before_staging");
        const answer = await target.stage(rows, rejects);
        crash("after_staging");
        return answer;
      },
    });
    crashing.beginImport = async (...begun) => failing(await datasets.beginImport(...begun));
    crashing.resumeImport = async (...resumed) => {
      const target = await datasets.resumeImport(...resumed);
      return target && failing(target);
    };
    const saveCheckpoint = async (saved: unknown) => {
      checkpoint = structuredClone(saved);
      crash("after_saving");
      if (fate !== "run_ends") fate = fateOf();
    };
    const remainingMs = () => (fate === "run_ends" ? 1_000 : 600_000);
    const { outcome } = run(tenant, input, {
      files: filesInMemory(tenant),
      datasets: crashing,
      checkpoint,
      saveCheckpoint,
      remainingMs,
    });
    const ended = await outcome.catch((error: Error) => {
      if (!error.message.startsWith("crash")) throw error;
      return null;
    });
    if (ended instanceof Continuation) checkpoint = ended.checkpoint;
    else if (ended) return ended as Result;
  }
  throw new Error("the import never ended");
}

test("interrupted anywhere, any number of times, it neither loses nor doubles a row", {
  timeout: 120_000,
}, async () => {
  const { text, rows, rejects } = bigFile();
  const tenant = newTenant();
  const file = await upload(tenant, text);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...fates), { maxLength: 8 }), async (misfortunes) => {
      const rest = [...misfortunes];
      const result = await runThrough(tenant, { file }, () => rest.shift() ?? "none");
      expect(result).toMatchObject({ rows_imported: rows.length, rows_rejected: rejects.length });
      expect(await rowsOf(tenant)).toEqual(rows);
      const lines = (await textOf(tenant.files, result.rejects_file ?? "")).trim().split("\n").slice(1);
      expect(lines.map((line) => Number(line.split(",")[0]))).toEqual(rejects);
    }),
    { numRuns: 12 },
  );
});
