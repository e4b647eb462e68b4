import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CsvRecord, readCsv, spreadsheetSafe, UnreadableCsv, writeCsv } from "../../src/lib/csv.ts";

const encoder = new TextEncoder();

async function* inChunks(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

async function read(
  text: string | Uint8Array,
  options: { size?: number; delimiter?: string; max?: number } = {},
) {
  const bytes = typeof text === "string" ? encoder.encode(text) : text;
  const { size = 7, delimiter = ",", max = 100_000 } = options;
  return all(readCsv(inChunks(bytes, size), { offset: 0, line: 1, delimiter }, max));
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

const linesAndCells = (records: CsvRecord[]) => records.map(({ line, cells }) => [line, cells]);

describe("readCsv", () => {
  test.each([1, 2, 3, 7, 1000])("reads all three line ends, in chunks of %i bytes", async (size) => {
    expect(linesAndCells(await read("a,b\n1,2\r\n3,4\r5,6", { size }))).toEqual([
      [1, ["a", "b"]],
      [2, ["1", "2"]],
      [3, ["3", "4"]],
      [4, ["5", "6"]],
    ]);
  });

  test("numbers lines as an editor does, over quoted line ends of either kind", async () => {
    const records = await read('a,b\r\n"x\r\ny","p\nq"\r\n3,4\r\n');
    expect(linesAndCells(records)).toEqual([
      [1, ["a", "b"]],
      [2, ["x\r\ny", "p\nq"]],
      [5, ["3", "4"]],
    ]);
  });

  test("leaves out empty lines but counts them, and keeps a quoted empty cell", async () => {
    expect(linesAndCells(await read('a\n\n\n""\n\nb\n\n'))).toEqual([
      [1, ["a"]],
      [4, [""]],
      [6, ["b"]],
    ]);
  });

  test("a byte order mark is not part of the first cell, and counts for the offset", async () => {
    const records = await read("\ufeffa,b\n1,2\n");
    expect(records.map((record) => [record.cells, record.endOffset])).toEqual([
      [["a", "b"], 7],
      [["1", "2"], 11],
    ]);
  });

  test("another delimiter", async () => {
    expect(linesAndCells(await read('a;b\n"1;x";2,5\n', { delimiter: ";" }))).toEqual([
      [1, ["a", "b"]],
      [2, ["1;x", "2,5"]],
    ]);
    expect(linesAndCells(await read("a\tb\n1\t\n", { delimiter: "\t" }))).toEqual([
      [1, ["a", "b"]],
      [2, ["1", ""]],
    ]);
  });

  test.each(['2,"ab"x', '2,a"b', '2,"a" ,x', 'x"'])(
    "wrong quotes in one row, %s, cost that row only",
    async (row) => {
      const records = await read(`a,b\n1,2\n${row}\n3,"4""5"\n`);
      expect(linesAndCells(records)).toEqual([
        [1, ["a", "b"]],
        [2, ["1", "2"]],
        [3, null],
        [4, ["3", '4"5']],
      ]);
      expect(records[2]?.raw).toBe(row);
    },
  );

  test("a quote that is never closed takes the rest, to the last byte", async () => {
    const text = 'a,b\n1,2\n3,"x\n4,5\n';
    const records = await read(text);
    expect(records[2]).toEqual({
      line: 3,
      endLine: 5,
      endOffset: text.length,
      raw: '3,"x\n4,5',
      cells: null,
    });
  });

  test.each([[[0x61, 0xff, 0x0a]], [[0x61, 0x0a, 0xc3]], [[0xff, 0xfe, 0x61, 0x00]]])(
    "bytes that are no UTF-8 are refused: %j",
    async (bytes) => {
      await expect(read(new Uint8Array(bytes))).rejects.toMatchObject({ reason: "not_utf8" });
    },
  );

  test("a record too large is refused, ended or not", async () => {
    await expect(read(`a\n${"x".repeat(1001)}\nb\n`, { max: 1000, size: 5000 })).rejects.toMatchObject({
      reason: "record_too_large",
      line: 2,
    });
    await expect(read(`a\n"${",".repeat(200_000)}`, { max: 1000, size: 5000 })).rejects.toThrow(
      UnreadableCsv,
    );
    await expect(read(",".repeat(200_000), { max: 1000, size: 200_000 })).rejects.toThrow(UnreadableCsv);
    expect(await read(`a\n${"x".repeat(999)}\nb\n`, { max: 1000, size: 5000 })).toHaveLength(3);
  });

  test("a source that fails fails the reading, and one that is left is closed", async () => {
    async function* failing() {
      yield encoder.encode("a\n");
      throw new Error("gone");
    }
    const reading = readCsv(failing(), { offset: 0, line: 1, delimiter: "," }, 1000);
    await expect(all(reading)).rejects.toThrow("gone");

    let closed = false;
    async function* endless() {
      try {
        for (;;) yield encoder.encode("a\n".repeat(100));
      } finally {
        closed = true;
      }
    }
    for await (const _ of readCsv(endless(), { offset: 0, line: 1, delimiter: "," }, 1000)) break;
    await expect.poll(() => closed).toBe(true);
  });

  const cell = fc.string({
    unit: fc.constantFrom("a", "é", "🙂", '"', ",", "\n", "\r", "\r\n", " ", "\\"),
    maxLength: 8,
  });

  test("whatever is written is read again, and from any record's end on the rest", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 40 }),
        fc.nat(),
        async (rows, size, nth) => {
          const text = writeCsv(rows);
          const records = await read(text, { size });
          expect(records.map((record) => record.cells)).toEqual(rows);
          const at = nth % records.length;
          const { endOffset: offset, endLine: line } = records[at] as CsvRecord;
          const rest = readCsv(
            inChunks(encoder.encode(text).slice(offset), size),
            { offset, line, delimiter: "," },
            1000,
          );
          expect(await all(rest)).toEqual(records.slice(at + 1));
        },
      ),
    );
  });
});

const skipped = fc.string({
  unit: fc.constantFrom(
    " ",
    "\t",
    "\r",
    "\n",
    "\v",
    "\f",
    "\u00a0",
    "\u200b",
    "\ufeff",
    "\u2028",
    "\u3000",
    "\0",
    "'",
    '"',
  ),
  maxLength: 4,
});

test("formula guard: what spreadsheets skip, then what begins a formula → an apostrophe in front", () => {
  const starts = fc.constantFrom("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20");
  fc.assert(
    fc.property(skipped, starts, fc.string(), (prefix, start, rest) => {
      const text = `${prefix}${start}${rest}`;
      fc.pre(!/^[+-]?\d+(\.\d+)?$/.test(text));
      expect(spreadsheetSafe(text)).toBe(`'${text}`);
    }),
  );
});

test("what a spreadsheet would run is disarmed, numbers are left alone", () => {
  expect(["=1+1", "+cmd", "-x", "@x", "\tx", "-12.50", "+3", "plain", ""].map(spreadsheetSafe)).toEqual([
    "'=1+1",
    "'+cmd",
    "'-x",
    "'@x",
    "'\tx",
    "-12.50",
    "+3",
    "plain",
    "",
  ]);
});
