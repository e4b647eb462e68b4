/**
 * `report.export`: aggregates a dataset, by group or as a whole, and stores the report as a file.
 * Arithmetic is exact in decimals. The groups are held in memory, so their number is limited; the rows are not.
 */

import type Big from "big.js";
import { z } from "zod";
import { spreadsheetSafe, writeCsv } from "../lib/csv.ts";
import { decimalText, parseDecimal, ZERO } from "../lib/decimal.ts";
import { normalizeText } from "../lib/text.ts";
import { findDataset, indexOfColumn, invalidInput, type JobDatasetRow, readRows } from "./dataset.ts";
import { ATTEMPT_TIMEOUT_MAX_MS, defineJobType, HOUR, type JobContext } from "./define.ts";

/** What fits in memory: aggregates of about 250 bytes each, and the characters of all group values. */
const AGGREGATES_MAX = 200_000;
const GROUPS_MAX = 100_000;
const GROUP_CHARS_MAX = 256;

const ROWS_PER_CHUNK = 1_000;
const BYTE_ORDER_MARK = "\ufeff";

const ColumnSchema = z.string().min(1).max(200);
const column = ColumnSchema.meta({
  description: "Column with plain decimal numbers; empty cells are left out.",
});

const MetricSchema = z.discriminatedUnion("op", [
  z.strictObject({
    op: z
      .literal("count")
      .meta({ description: "Counts rows, or with a column its cells that are not empty." }),
    column: ColumnSchema.optional().meta({
      description: "Column whose cells are counted; without it, rows are.",
    }),
  }),
  z.strictObject({
    op: z
      .enum(["sum", "avg", "min", "max"])
      .meta({ description: "Exact; only avg is rounded, to 20 decimals." }),
    column,
  }),
]);
type MetricSchema = z.output<typeof MetricSchema>;

const ReportInputSchema = z.strictObject({
  dataset: z.string().min(1).max(64).meta({ description: "Name of the dataset to report on." }),
  group_by: ColumnSchema.optional().meta({
    description: "Column whose values make the groups; without it, all rows are one.",
  }),
  metrics: z
    .array(MetricSchema)
    .min(1)
    .max(20)
    .refine((metrics) => new Set(metrics.map(nameOf)).size === metrics.length, "must not name a metric twice")
    .meta({ description: "What is worked out for each group; the report has one column for each." }),
  format: z
    .enum(["csv", "json"])
    .meta({ description: "The report as CSV with a header row, or a JSON array." }),
  bom: z.boolean().optional().meta({
    description:
      "Whether a CSV begins with a byte order mark, without which Excel on Windows misreads accents.",
  }),
  requested_by: z.string().min(1).max(100).meta({
    description: "Who wants the report; one at a time for the same requester, dataset and grouping.",
  }),
});
type ReportInputSchema = z.output<typeof ReportInputSchema>;

type Aggregate = { count: number; value: Big | null };
type Groups = Map<string, Aggregate[]>;
type Cell = string | number | null;

export const reportExport = defineJobType({
  type: "report.export",
  description:
    "Aggregates a dataset with exact decimals and stores the report as a file, which is the job's result. " +
    "Groups are sorted by their value. Values are compared in Unicode's composed form (NFC), without outer blanks and " +
    "without characters that cannot be seen.",
  input: ReportInputSchema,
  check: ({ bom, format }) =>
    bom && format !== "csv" ? [{ pointer: "/bom", detail: "Only a CSV can have a byte order mark." }] : [],
  example: {
    dataset: "orders",
    group_by: "country",
    metrics: [{ op: "count" }, { op: "sum", column: "amount" }],
    format: "csv",
    requested_by: "ada@example.com",
  },
  attemptTimeoutMs: ATTEMPT_TIMEOUT_MAX_MS,
  totalTimeoutMs: 6 * HOUR,
  // The work only reads and makes a new file, so unexpected errors are retried.
  alsoRetry: ["internal_error"],
  uniqueKey: ({ requested_by, dataset, group_by }) =>
    JSON.stringify([requested_by, dataset, group_by ?? null]),
  resultFile: (result: { file: string; rows: number }) => result.file,

  async run(input, job) {
    const names = namesOf(input);
    const { groups, rowsRead } = await aggregate(input, job);
    const rows = sortedRows(groups, input);
    const file = await (input.format === "csv"
      ? job.files.create("text/csv; charset=utf-8", csvOf(names, rows, input.bom === true))
      : job.files.create("application/json", jsonOf(names, rows)));
    reportProgress(job, rowsRead, rowsRead, "stored");
    return { file: file.id, rows: groups.size };
  },
});

/** The report's columns. A group column called like a metric would make two of one name. */
function namesOf({ group_by, metrics }: ReportInputSchema): string[] {
  const names = metrics.map(nameOf);
  if (group_by === undefined) return names;
  if (!names.includes(group_by)) return [group_by, ...names];
  throw invalidInput("ambiguous_column", `The report would have two columns named ${group_by}.`);
}

function nameOf({ op, column }: MetricSchema): string {
  return column === undefined ? op : `${op}_${column}`;
}

async function aggregate(
  input: ReportInputSchema,
  job: JobContext,
): Promise<{ groups: Groups; rowsRead: number }> {
  const dataset = await findDataset(job, input.dataset);
  const wanted = [input.group_by, ...input.metrics.map((metric) => metric.column)];
  const columns = [...new Set(wanted.filter((name) => name !== undefined))];
  const at = (name: string | undefined) => (name === undefined ? null : columns.indexOf(name));
  const uniqueKeys = { group: at(input.group_by), metrics: input.metrics.map((metric) => at(metric.column)) };
  const indexes = columns.map((name) => indexOfColumn(dataset, name));

  const groups: Groups = new Map();
  if (input.group_by === undefined) groups.set("", newAggregates(input.metrics));
  let rowsRead = 0;
  for await (const page of readRows(job, dataset, indexes)) {
    for (const row of page) {
      const aggregates = aggregatesOf(groups, row, uniqueKeys.group, input.metrics);
      for (const [nth, metric] of input.metrics.entries()) {
        take(aggregates[nth] as Aggregate, metric, row, uniqueKeys.metrics[nth] ?? null);
      }
    }
    rowsRead += page.length;
    if (rowsRead < dataset.rowCount) reportProgress(job, rowsRead, dataset.rowCount, "reading");
  }
  return { groups, rowsRead };
}

function reportProgress(job: JobContext, current: number, total: number, stage: string): void {
  job.progress({ current, total, unit: "rows", stage });
}

function newAggregates(metrics: MetricSchema[]): Aggregate[] {
  return metrics.map(() => ({ count: 0, value: null }));
}

/** The tallies of the row's group, which is made if it is the first of it. */
function aggregatesOf(
  groups: Groups,
  { line, cells }: JobDatasetRow,
  index: number | null,
  metrics: MetricSchema[],
): Aggregate[] {
  const group = index === null ? "" : normalizeText(cells[index] ?? "");
  const known = groups.get(group);
  if (known) return known;
  if (group.length > GROUP_CHARS_MAX) {
    const message = `The value to group by is longer than ${GROUP_CHARS_MAX} characters on line ${line}.`;
    throw invalidInput("group_value_too_long", message);
  }
  const most = Math.min(GROUPS_MAX, Math.floor(AGGREGATES_MAX / metrics.length));
  if (groups.size === most) {
    throw invalidInput(
      "too_many_groups",
      `There are more than ${most} groups, the most for ${metrics.length} metrics.`,
    );
  }
  const aggregates = newAggregates(metrics);
  groups.set(group, aggregates);
  return aggregates;
}

/** Adds a row's cell to the aggregate; empty cells are skipped. */
function take(
  aggregate: Aggregate,
  metric: MetricSchema,
  { line, cells }: JobDatasetRow,
  index: number | null,
): void {
  const text = index === null ? null : (cells[index] ?? "").trim();
  if (text === "") return;
  aggregate.count += 1;
  if (metric.op === "count") return;
  const number = parseDecimal(text ?? "");
  if (!number) {
    throw invalidInput(
      "not_a_number",
      `Column ${metric.column} has no plain decimal number on line ${line}.`,
    );
  }
  aggregate.value = aggregate.value === null ? number : combine(metric.op, aggregate.value, number);
}

function combine(op: Exclude<MetricSchema["op"], "count">, one: Big, other: Big): Big {
  switch (op) {
    case "sum":
    case "avg":
      return one.plus(other);
    case "min":
      return other.lt(one) ? other : one;
    case "max":
      return other.gt(one) ? other : one;
  }
}

/** `sum` of no rows is 0; `avg`, `min` and `max` are null. */
function cellOf({ op }: MetricSchema, { count, value }: Aggregate): Cell {
  if (op === "count") return count;
  if (value === null) return op === "sum" ? decimalText(ZERO) : null;
  return decimalText(op === "avg" ? value.div(count) : value);
}

function* sortedRows(groups: Groups, { group_by, metrics }: ReportInputSchema): Generator<Cell[]> {
  for (const group of [...groups.keys()].sort()) {
    const aggregates = groups.get(group) ?? [];
    const values = metrics.map((metric, nth) => cellOf(metric, aggregates[nth] as Aggregate));
    yield group_by === undefined ? values : [group, ...values];
  }
}

/** Only texts from the dataset can hold a formula; what was worked out are numbers. */
async function* csvOf(names: string[], rows: Iterable<Cell[]>, hasBom: boolean): AsyncGenerator<string> {
  if (hasBom) yield BYTE_ORDER_MARK;
  yield writeCsv([names.map(spreadsheetSafe)]);
  let chunk: string[][] = [];
  for (const row of rows) {
    chunk.push(row.map((cell) => spreadsheetSafe(String(cell ?? ""))));
    if (chunk.length < ROWS_PER_CHUNK) continue;
    yield writeCsv(chunk);
    chunk = [];
  }
  yield writeCsv(chunk);
}

/** Decimals are strings, because a JSON number would be read as a binary fraction. */
async function* jsonOf(names: string[], rows: Iterable<Cell[]>): AsyncGenerator<string> {
  let separator = "[\n";
  for (const row of rows) {
    yield separator + JSON.stringify(Object.fromEntries(names.map((name, nth) => [name, row[nth]])));
    separator = ",\n";
  }
  yield separator === "[\n" ? "[]\n" : "\n]\n";
}
