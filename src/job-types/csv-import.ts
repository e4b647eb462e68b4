/**
 * `csv.import`: reads a CSV file of the tenant into a dataset, in several runs if needed, and replaces the dataset
 * at once. Rows are staged by line number, and a checkpoint is saved only after its rows. So work repeated after a
 * crash loses and doubles no row.
 */

import { z } from "zod";
import { type CsvRecord, readCsv, spreadsheetSafe, UnreadableCsv, writeCsv } from "../lib/csv.ts";
import { sleep } from "../lib/runtime.ts";
import { columnsOf, readHeader } from "./csv-header.ts";
import {
  ATTEMPT_TIMEOUT_MAX_MS,
  type Continuation,
  DAY,
  defineJobType,
  type JobContext,
  JobFailure,
  SECOND,
} from "./define.ts";

/** The store takes no larger row, and no honest record is. */
const RECORD_BYTES_MAX = 256 * 1024;

/** So much is staged at once; then a checkpoint, which costs a write of its own. */
const BATCH_BYTES = 512 * 1024;
const BATCH_ROWS = 5_000;

/** With less time left than this, the next batch is left to a continuation. */
const IMPORT_RESERVE_MS = 45 * SECOND;

const CsvImportInputSchema = z.strictObject({
  file: z
    .string()
    .regex(/^file_[0-9a-z]{1,64}$/, "must be the id of a file, such as file_01…")
    .meta({ description: "Id of a stored file: CSV in UTF-8 whose first row names the columns." }),
  dataset: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,64}$/, "must be 1 to 64 letters, digits, dots, dashes or underscores")
    .meta({ description: "Name of the dataset to replace or create." }),
  delimiter: z
    .string()
    .regex(/^[\t -!#-~]$/, "must be one ASCII character other than a double quote")
    .default(",")
    .meta({ description: "The character between two cells; a comma if not given." }),
  max_rejected: z.int().min(0).optional().meta({
    description: "With more rejected rows than this the import fails and the dataset stays as it was.",
  }),
});
type CsvImportInputSchema = z.output<typeof CsvImportInputSchema>;

const CSV_TYPE = "text/csv; charset=utf-8";

type CsvImportResult = {
  dataset: string;
  columns: string[];
  rows_imported: number;
  rows_rejected: number;
  rows_blank: number;
  rejects_file: string | null;
};

/** Where reading continues, in which generation, and what was staged before. */
const CsvImportCheckpoint = z.object({
  generation: z.string(),
  offset: z.int(),
  line: z.int(),
  imported: z.int(),
  rejected: z.int(),
  blank: z.int(),
});
type CsvImportCheckpoint = z.infer<typeof CsvImportCheckpoint>;

type Import = Awaited<ReturnType<JobContext["datasets"]["beginImport"]>>;
type Begun = { target: Import; at: CsvImportCheckpoint };
type Records = AsyncGenerator<CsvRecord>;

export const csvImport = defineJobType({
  type: "csv.import",
  description:
    "Reads a CSV file with a header row into a dataset, which it replaces as a whole once all rows are in. " +
    "Rows that do not fit go to a rejects file with their line numbers and do not stop the import; rows of empty cells " +
    "are left out. Column names lose outer blanks and are stored in Unicode's composed form (NFC).",
  input: CsvImportInputSchema,
  example: { file: "file_01h2xcejqtf2nbrexx3vqjhp41", dataset: "orders" },
  attemptTimeoutMs: ATTEMPT_TIMEOUT_MAX_MS,
  totalTimeoutMs: DAY,
  // The work is idempotent, so unexpected errors are retried.
  alsoRetry: ["internal_error"],
  uniqueKey: (input) => input.dataset,

  async run(input, job): Promise<CsvImportResult | Continuation> {
    const resumed = await resumeCsvImport(input, job);
    const { offset, line } = resumed?.at ?? { offset: 0, line: 1 };
    const opened = await job.files.open(input.file, offset);
    if (!opened) {
      throw new JobFailure("not_found", { code: "file_not_found", message: "There is no such file." });
    }
    const records = readCsv(opened.body, { offset, line, delimiter: input.delimiter }, RECORD_BYTES_MAX);
    try {
      const begun = resumed ?? (await beginCsvImport(input, job, records));
      const { at, isDone } = await stageAll(begun, input, job, records, opened.file.size);
      if (!isDone) return job.continueFrom(at);
      return await publish(input, job, { target: begun.target, at }, opened.file.size);
    } catch (error) {
      throw error instanceof UnreadableCsv ? unreadable(error) : error;
    } finally {
      await records.return(undefined);
    }
  },
});

/** Where an earlier run or attempt stopped; null if there is no usable checkpoint. */
async function resumeCsvImport({ dataset }: CsvImportInputSchema, job: JobContext): Promise<Begun | null> {
  const { data: at } = CsvImportCheckpoint.safeParse(job.checkpoint);
  const target = at && (await job.datasets.resumeImport(dataset, at.generation));
  return target ? { target, at } : null;
}

async function beginCsvImport(
  { dataset, delimiter }: CsvImportInputSchema,
  job: JobContext,
  records: Records,
): Promise<Begun> {
  const header = await readHeader(delimiter, records);
  const target = await job.datasets.beginImport(dataset, columnsOf(header));
  const { endOffset: offset, endLine: line } = header;
  return { target, at: { generation: target.generation, offset, line, imported: 0, rejected: 0, blank: 0 } };
}

/** Stages batch after batch, each with its checkpoint, to the end of the file or of the time. */
async function stageAll(
  { target, at }: Begun,
  { max_rejected }: CsvImportInputSchema,
  job: JobContext,
  records: Records,
  totalBytes: number,
) {
  let batch = emptyBatch(at);
  try {
    for await (const record of records) {
      add(batch, record, target.columns.length);
      if (batch.at.rejected > (max_rejected ?? Number.POSITIVE_INFINITY)) throw tooManyRejected(batch);
      if (!isFull(batch)) continue;
      await stage(batch, target, job, totalBytes);
      if (!hasTime(job)) return { at: batch.at, isDone: false };
      batch = emptyBatch(batch.at);
    }
    batch.at.offset = totalBytes;
    await stage(batch, target, job, totalBytes);
    return { at: batch.at, isDone: hasTime(job) };
  } catch (error) {
    // The file will stay wrong, so the staged rows are discarded.
    const isFinal =
      error instanceof UnreadableCsv || (error instanceof JobFailure && error.kind === "invalid_input");
    if (isFinal) await target.discard();
    throw error;
  }
}

type Batch = {
  rows: { line: number; cells: string[] }[];
  rejects: { line: number; reason: string; row: string }[];
  fromOffset: number;
  at: CsvImportCheckpoint;
};

function emptyBatch(at: CsvImportCheckpoint): Batch {
  return { rows: [], rejects: [], fromOffset: at.offset, at: { ...at } };
}

function isFull({ rows, rejects, fromOffset, at }: Batch): boolean {
  return at.offset - fromOffset >= BATCH_BYTES || rows.length + rejects.length >= BATCH_ROWS;
}

function add({ rows, rejects, at }: Batch, record: CsvRecord, columns: number): void {
  const { line, cells, raw, endLine, endOffset } = record;
  at.line = endLine;
  at.offset = endOffset;
  // Spreadsheets write rows of empty cells below a table.
  if (cells?.every((cell) => cell === "")) {
    at.blank += 1;
    return;
  }
  if (cells?.length === columns) {
    rows.push({ line, cells });
    at.imported += 1;
    return;
  }
  const reason = cells ? `${cells.length} cells instead of ${columns}` : "wrong quotes";
  rejects.push({ line, reason, row: raw });
  at.rejected += 1;
}

async function stage(
  { rows, rejects, at }: Batch,
  target: Import,
  job: JobContext,
  totalBytes: number,
): Promise<void> {
  job.signal.throwIfAborted();
  // Locally, staging never waits; this yields to other work such as the heartbeat.
  await sleep(0);
  if (!(await target.stage(rows, rejects))) throw supersededFailure();
  await job.saveCheckpoint(at);
  // All of it counts as done only when it is published.
  if (at.offset < totalBytes) reportImport(job, at, totalBytes, "reading");
}

function reportImport(job: JobContext, at: CsvImportCheckpoint, totalBytes: number, stage: string): void {
  const message = `${at.imported} rows${at.rejected > 0 ? `, ${at.rejected} rejected` : ""}`;
  job.progress({ current: at.offset, total: totalBytes, unit: "bytes", stage, message });
}

async function publish(
  { dataset }: CsvImportInputSchema,
  job: JobContext,
  { target, at }: Begun,
  totalBytes: number,
): Promise<CsvImportResult> {
  const rejects = at.rejected > 0 ? await job.files.create(CSV_TYPE, rejectLines(target)) : null;
  await job.ensureCurrent();
  const published = await target.publish();
  if (!published) throw supersededFailure();
  reportImport(job, at, totalBytes, "published");
  return {
    dataset,
    columns: target.columns,
    rows_imported: published.rowCount,
    rows_rejected: at.rejected,
    rows_blank: at.blank,
    rejects_file: rejects?.id ?? null,
  };
}

/** The rejects as CSV. The row's own text stands there as it was, but for an apostrophe before a formula. */
async function* rejectLines(target: Import): AsyncGenerator<string> {
  yield writeCsv([["line", "reason", "row"]]);
  for await (const rejects of target.rejects()) {
    yield writeCsv(rejects.map(({ line, reason, row }) => [String(line), reason, spreadsheetSafe(row)]));
  }
}

function hasTime(job: JobContext): boolean {
  return job.remainingMs() > IMPORT_RESERVE_MS && !job.signal.aborted;
}

function tooManyRejected({ at, rejects }: Batch): JobFailure {
  const last = rejects.at(-1);
  const message = `${at.rejected} rows do not fit, more than max_rejected allows. Line ${last?.line}: ${last?.reason}.`;
  return new JobFailure("invalid_input", { code: "too_many_rejected", message });
}

/** The unique key keeps imports of one dataset apart; if it ever failed, the later import would win. */
function supersededFailure(): JobFailure {
  const message = "Another import of the same dataset took over.";
  return new JobFailure("service_unavailable", { code: "import_superseded", message });
}

function unreadable({ reason, line }: UnreadableCsv): JobFailure {
  const message =
    reason === "not_utf8"
      ? `The file is not UTF-8 text: there are other bytes after line ${line}.`
      : `The row on line ${line} is larger than ${RECORD_BYTES_MAX} bytes. Is a quote never closed?`;
  return new JobFailure("invalid_input", { code: reason === "not_utf8" ? reason : "row_too_large", message });
}
