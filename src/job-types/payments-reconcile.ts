/**
 * `payments.reconcile`: compares two datasets by key, with exact decimals, and stores the discrepancies as a file.
 * Not all rows fit in memory, so large datasets are read in several passes, each for a part of the keys. A run may
 * end between two passes. Reading again is much cheaper here than writing in order.
 */

import Big from "big.js";
import { z } from "zod";
import { spreadsheetSafe, writeCsv } from "../lib/csv.ts";
import { decimalText, parseDecimal, ZERO } from "../lib/decimal.ts";
import { fnv1a } from "../lib/hash.ts";
import { normalizeText } from "../lib/text.ts";
import {
  findDataset,
  indexOfColumn,
  invalidInput,
  type JobDataset,
  type JobDatasetRow,
  readRows,
} from "./dataset.ts";
import { DAY, defineJobType, type JobContext, MINUTE, SECOND } from "./define.ts";

/** Rows held at once, of about 300 bytes each. */
const ROWS_PER_PASS = 100_000;
const KEY_CHARS_MAX = 256;

/** Left for storing the file, on top of half as much again as the longest pass took. */
const RECONCILE_RESERVE_MS = 60 * SECOND;

const LINES_PER_CHUNK = 1_000;
const DISCREPANCIES_TYPE = "text/csv; charset=utf-8";
const HEADER = [
  "key",
  "kind",
  "ledger_amount",
  "statement_amount",
  "difference",
  "ledger_line",
  "statement_line",
];

const DatasetName = z.string().min(1).max(64);
const ColumnNameSchema = z.string().min(1).max(200);

const ReconcileInputSchema = z.strictObject({
  ledger: DatasetName.meta({ description: "Dataset with what should have been paid." }),
  statement: DatasetName.meta({ description: "Dataset with what was paid, as the bank says." }),
  key: ColumnNameSchema.meta({
    description: "Column, in both, by which rows belong together. No cell may be empty.",
  }),
  amount: ColumnNameSchema.meta({
    description: "Column, in both, with a plain decimal number in every row.",
  }),
  tolerance: z
    .union([
      z.string().regex(/^\d{1,20}(\.\d{1,20})?$/, "must be a decimal number"),
      z.number().min(0).max(1e15),
    ])
    .default("0")
    .meta({ description: "Amounts that differ by no more than this agree; 0 if not given." }),
});
type ReconcileInputSchema = z.output<typeof ReconcileInputSchema>;

type ReconcileResult = {
  matched: number;
  missing_in_statement: number;
  missing_in_ledger: number;
  different_amount: number;
  duplicate_keys: number;
  ledger_total: string;
  statement_total: string;
  discrepancies_file: string;
};

const countSchema = z.int();
/** The passes done, what they found, and the file with the discrepancies so far; all of these generations. */
const ReconcileState = z.object({
  generations: z.tuple([z.string(), z.string()]),
  passesDone: countSchema,
  rowsDone: countSchema,
  file: z.string().nullable(),
  counts: z.object({
    matched: countSchema,
    missing_in_statement: countSchema,
    missing_in_ledger: countSchema,
    different_amount: countSchema,
    duplicate_key: countSchema,
  }),
  totals: z.object({ ledger: z.string(), statement: z.string() }),
});
type ReconcileState = z.infer<typeof ReconcileState>;

type Side = "ledger" | "statement";
type Source = { dataset: JobDataset; columns: number[] };
type Sources = Record<Side, Source>;
/** What a side has under a key: its first line, the sum of its amounts, and the number of its rows. */
type Found = { line: number; amount: Big; rows: number };
type Pair = Partial<Record<Side, Found>>;

export const paymentsReconcile = defineJobType({
  type: "payments.reconcile",
  description:
    "Compares two datasets by key with exact decimals and stores the discrepancies as a CSV file. " +
    "A key found more than once on a side is a discrepancy of its own, duplicate_key, with the sums of its amounts. " +
    "Keys are compared in Unicode's composed form (NFC), without outer blanks and without characters that cannot be seen.",
  input: ReconcileInputSchema,
  example: { ledger: "invoices", statement: "bank", key: "reference", amount: "amount", tolerance: "0.01" },
  // A run may compute all the time, and an invocation has five minutes of CPU.
  attemptTimeoutMs: 5 * MINUTE,
  totalTimeoutMs: DAY,
  // The work only reads and makes new files, so unexpected errors are retried.
  alsoRetry: ["internal_error"],

  async run(input, job) {
    const sources = {
      ledger: await sourceSchema(job, input, "ledger"),
      statement: await sourceSchema(job, input, "statement"),
    };
    const state = resumeReconcile(job, sources) ?? beginReconcile(sources);
    const passes = Math.max(1, Math.ceil(rowsIn(sources) / ROWS_PER_PASS));
    const { id } = await job.files.create(
      DISCREPANCIES_TYPE,
      passAfterPass(input, job, sources, state, passes),
    );
    if (state.passesDone < passes) return job.continueFrom({ ...state, file: id });
    reportReconcile(job, state, sources, "stored");
    return resultOf(state, id);
  },
});

async function sourceSchema(job: JobContext, input: ReconcileInputSchema, side: Side): Promise<Source> {
  const dataset = await findDataset(job, input[side]);
  return { dataset, columns: [indexOfColumn(dataset, input.key), indexOfColumn(dataset, input.amount)] };
}

function rowsIn({ ledger, statement }: Sources): number {
  return ledger.dataset.rowCount + statement.dataset.rowCount;
}

function generationsOf({ ledger, statement }: Sources): [string, string] {
  return [ledger.dataset.generation, statement.dataset.generation];
}

function beginReconcile(sources: Sources): ReconcileState {
  return {
    generations: generationsOf(sources),
    passesDone: 0,
    rowsDone: 0,
    file: null,
    counts: {
      matched: 0,
      missing_in_statement: 0,
      missing_in_ledger: 0,
      different_amount: 0,
      duplicate_key: 0,
    },
    totals: { ledger: "0", statement: "0" },
  };
}

/** The state an earlier run stored; null if a dataset was replaced since, because then all begins again. */
function resumeReconcile(job: JobContext, sources: Sources): ReconcileState | null {
  const { data } = ReconcileState.safeParse(job.checkpoint);
  return data?.generations.join() === generationsOf(sources).join() ? data : null;
}

function reportReconcile(
  job: JobContext,
  { rowsDone }: ReconcileState,
  sources: Sources,
  stage: string,
): void {
  job.progress({ current: rowsDone, total: rowsIn(sources), unit: "rows", stage });
}

/** The file: what earlier runs found, then the discrepancies of further passes while there is time. */
async function* passAfterPass(
  input: ReconcileInputSchema,
  job: JobContext,
  sources: Sources,
  state: ReconcileState,
  passes: number,
): AsyncGenerator<string | Uint8Array> {
  const earlier = state.file === null ? null : await job.files.open(state.file);
  if (state.file !== null && !earlier) throw new Error(`The file ${state.file} of an earlier run is gone`);
  if (earlier) yield* earlier.body;
  else yield writeCsv([HEADER]);
  const tolerance = new Big(input.tolerance);
  let longestMs = 0;
  do {
    const before = job.remainingMs();
    const pairs = await readPass(job, sources, state, passes);
    yield* discrepancies(pairs, tolerance, state);
    state.passesDone += 1;
    longestMs = Math.max(longestMs, before - job.remainingMs());
  } while (state.passesDone < passes && job.remainingMs() > 1.5 * longestMs + RECONCILE_RESERVE_MS);
}

/** Reads both sides and keeps the rows whose keys fall to this pass. */
async function readPass(job: JobContext, sources: Sources, state: ReconcileState, passes: number) {
  const pairs = new Map<string, Pair>();
  for (const side of ["ledger", "statement"] as const) {
    const { dataset, columns } = sources[side];
    let total = new Big(state.totals[side]);
    for await (const page of readRows(job, dataset, columns)) {
      for (const row of page) {
        const key = rowKeyOf(row, dataset);
        if (passOf(key, passes) !== state.passesDone) continue;
        const amount = amountOf(row, dataset);
        keep(pairs, key, side, { line: row.line, amount, rows: 1 });
        total = total.plus(amount);
        state.rowsDone += 1;
      }
      if (state.rowsDone < rowsIn(sources)) reportReconcile(job, state, sources, "comparing");
    }
    state.totals[side] = decimalText(total);
  }
  return pairs;
}

function rowKeyOf({ line, cells }: JobDatasetRow, { name }: JobDataset): string {
  const key = normalizeText(cells[0] ?? "");
  if (key === "") throw invalidInput("empty_key", `Line ${line} of ${name} has no key.`);
  if (key.length <= KEY_CHARS_MAX) return key;
  const message = `The key on line ${line} of ${name} is longer than ${KEY_CHARS_MAX} characters.`;
  throw invalidInput("key_too_long", message);
}

function amountOf({ line, cells }: JobDatasetRow, { name }: JobDataset): Big {
  const amount = parseDecimal(cells[1] ?? "");
  if (amount) return amount;
  throw invalidInput("not_a_number", `The amount on line ${line} of ${name} is no plain decimal number.`);
}

/** The pass of a key, the same in every run. */
function passOf(key: string, passes: number): number {
  return passes === 1 ? 0 : fnv1a(key) % passes;
}

function keep(pairs: Map<string, Pair>, key: string, side: Side, found: Found): void {
  const pair = pairs.get(key) ?? {};
  const known = pair[side];
  pair[side] = known ? { ...known, amount: known.amount.plus(found.amount), rows: known.rows + 1 } : found;
  pairs.set(key, pair);
}

/** Counts every pair and yields the lines of those that do not agree, by key. */
function* discrepancies(pairs: Map<string, Pair>, tolerance: Big, state: ReconcileState): Generator<string> {
  let chunk: string[][] = [];
  for (const key of [...pairs.keys()].sort()) {
    const pair = pairs.get(key) ?? {};
    const kind = judge(pair, tolerance);
    state.counts[kind] += 1;
    if (kind === "matched") continue;
    chunk.push(lineOf(key, kind, pair));
    if (chunk.length < LINES_PER_CHUNK) continue;
    yield writeCsv(chunk);
    chunk = [];
  }
  yield writeCsv(chunk);
}

function judge({ ledger, statement }: Pair, tolerance: Big): keyof ReconcileState["counts"] {
  if ((ledger?.rows ?? 0) > 1 || (statement?.rows ?? 0) > 1) return "duplicate_key";
  if (!statement) return "missing_in_statement";
  if (!ledger) return "missing_in_ledger";
  return ledger.amount.minus(statement.amount).abs().lte(tolerance) ? "matched" : "different_amount";
}

/** `difference` is what the statement has more than the ledger. */
function lineOf(key: string, kind: string, { ledger, statement }: Pair): string[] {
  const difference = (statement?.amount ?? ZERO).minus(ledger?.amount ?? ZERO);
  const amount = (found: Found | undefined) => (found ? decimalText(found.amount) : "");
  const line = (found: Found | undefined) => (found ? String(found.line) : "");
  return [
    spreadsheetSafe(key),
    kind,
    amount(ledger),
    amount(statement),
    decimalText(difference),
    line(ledger),
    line(statement),
  ];
}

function resultOf({ counts, totals }: ReconcileState, file: string): ReconcileResult {
  const { duplicate_key, ...others } = counts;
  return {
    ...others,
    duplicate_keys: duplicate_key,
    ledger_total: totals.ledger,
    statement_total: totals.statement,
    discrepancies_file: file,
  };
}
