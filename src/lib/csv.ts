/**
 * Reads and writes CSV (RFC 4180) as a stream. csv-parse parses; this module adds line numbers, a check of the
 * quotes, and a check of UTF-8. It holds one record and one chunk in memory.
 */

import { pipeline, Readable } from "node:stream";
import { type InfoRecord, type Options, Parser } from "csv-parse";
import { stringify } from "csv-stringify/sync";

/** A chunk may become as many records as it has bytes, and those wait in memory: so chunks are kept small. */
const CHUNK_BYTES = 16 * 1024;
const STREAM = { objectMode: false, highWaterMark: CHUNK_BYTES };

/** Most that lies in the two streams' buffers on the way to the parser. */
const UNDER_WAY_BYTES = 6 * CHUNK_BYTES;

/**
 * One record: its first line, counted from 1, its text without the line end, and where reading continues after it.
 */
export type CsvRecord = {
  line: number;
  endLine: number;
  endOffset: number;
  raw: string;
  /** Null if its quotes are wrong, because then the cells are ambiguous. */
  cells: string[] | null;
};

/** Where to begin, which must be where a record begins, and what separates cells: one ASCII character. */
export type CsvStart = { offset: number; line: number; delimiter: string };

/** The file as a whole cannot be read on; thrown by `readCsv`. */
export class UnreadableCsv extends Error {
  readonly reason: "not_utf8" | "record_too_large";
  /** All lines before this one were readable. */
  readonly line: number;
  constructor(reason: UnreadableCsv["reason"], line: number) {
    super(`${reason} after line ${line}`);
    this.reason = reason;
    this.line = line;
  }
}

/** `cells` is null where a quote is never closed; `endBytes` counts from the start. */
type Parsed = { cells: string[] | null; raw: string; endBytes: number };

/** The reading position: the line of the next record, the bytes given to the parser, and those of whole records. */
type CsvPosition = { line: number; fedBytes: number; readBytes: number };

const LINE_END = /[\r\n]$/;

/**
 * The records of `body`, which begins at `start.offset` of its file. Empty lines are skipped. A record with wrong
 * quotes is yielded without cells; an unclosed quote extends to the end of the file. Throws `UnreadableCsv` for
 * bytes that are not UTF-8 (RFC 3629) and for a record larger than `recordBytesMax`.
 */
export async function* readCsv(
  body: AsyncIterable<Uint8Array>,
  start: CsvStart,
  recordBytesMax: number,
): AsyncGenerator<CsvRecord> {
  const position: CsvPosition = { line: start.line, fedBytes: 0, readBytes: 0 };
  const unclosed: string[] = [];
  const parser = openParser(start, (raw) => unclosed.push(raw));
  const source = Readable.from(checkChunks(body, recordBytesMax, position, parser), STREAM);
  // An error of the source destroys the parser, whose iteration then throws it.
  pipeline(source, parser, () => undefined);
  for await (const parsed of parser as AsyncIterable<Parsed>) {
    if (parsed.endBytes - position.readBytes > recordBytesMax)
      throw new UnreadableCsv("record_too_large", position.line);
    const record = toRecord(parsed, start, position);
    position.readBytes = parsed.endBytes;
    position.line = record.endLine;
    if (record.raw !== "") yield record;
  }
  for (const raw of unclosed)
    yield toRecord({ cells: null, raw, endBytes: position.fedBytes }, start, position);
}

/** What was parsed at the position. */
function toRecord({ cells, raw, endBytes }: Parsed, start: CsvStart, { line }: CsvPosition): CsvRecord {
  const text = raw.replace(LINE_END, "");
  return {
    line,
    endLine: line + lineBreaks(raw),
    endOffset: start.offset + endBytes,
    raw: text,
    cells: cells && hasRightQuotes(text, start.delimiter) ? cells : null,
  };
}

/** A lenient parser that never stops; each record is validated afterwards. */
function openParser({ offset, delimiter }: CsvStart, onUnclosed: (raw: string) => unknown): Parser {
  const options = {
    writableHighWaterMark: CHUNK_BYTES,
    bom: offset === 0,
    delimiter,
    record_delimiter: ["\r\n", "\n", "\r"],
    relax_column_count: true,
    relax_quotes: true,
    raw: true,
    skip_records_with_error: true,
    max_record_size: 0,
    on_record: ({ record, raw }: { record: string[]; raw: string }, { bytes }: InfoRecord): Parsed => {
      return { cells: record, raw, endBytes: bytes };
    },
    on_skip: (_error: unknown, raw?: string) => onUnclosed(raw ?? ""),
  };
  // The declared types know neither `on_record` with `raw` nor an `on_skip` for its effect.
  return new Parser(options as unknown as Options);
}

/** Hands on small chunks, having seen that they are UTF-8 and that no record grows beyond all bounds. */
async function* checkChunks(
  body: AsyncIterable<Uint8Array>,
  recordBytesMax: number,
  position: CsvPosition,
  parser: Parser,
): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let records = 0;
  let openBytes = 0;
  for await (const bytes of body) {
    checkUtf8(decoder, bytes, position);
    for (let from = 0; from < bytes.byteLength; from += CHUNK_BYTES) {
      const chunk = bytes.subarray(from, from + CHUNK_BYTES);
      openBytes = parser.info.records === records ? openBytes + chunk.byteLength : chunk.byteLength;
      records = parser.info.records;
      if (openBytes > recordBytesMax + UNDER_WAY_BYTES) {
        throw new UnreadableCsv("record_too_large", position.line);
      }
      position.fedBytes += chunk.byteLength;
      yield chunk;
    }
  }
  checkUtf8(decoder, null, position);
}

/** Looks at the next bytes; at null, whether the last character was whole. */
function checkUtf8(decoder: TextDecoder, bytes: Uint8Array | null, position: CsvPosition): void {
  try {
    if (bytes) decoder.decode(bytes, { stream: true });
    else decoder.decode();
  } catch {
    throw new UnreadableCsv("not_utf8", position.line);
  }
}

/** Whether a record is cells as RFC 4180, section 2 has them: quotes around a whole cell, doubled within it. */
function hasRightQuotes(text: string, delimiter: string): boolean {
  if (!text.includes('"')) return true;
  for (let at = 0; ; at += 1) {
    at = text[at] === '"' ? endOfQuoted(text, at) : endOfPlain(text, at, delimiter);
    if (at === text.length) return true;
    if (text[at] !== delimiter) return false;
  }
}

/** Index after the closing quote; -1 if there is none. */
function endOfQuoted(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (quote !== -1 && text[quote + 1] === '"') quote = text.indexOf('"', quote + 2);
  return quote === -1 ? -1 : quote + 1;
}

/** Index after a cell without quotes; -1 if there is one in it. */
function endOfPlain(text: string, start: number, delimiter: string): number {
  const next = text.indexOf(delimiter, start);
  const end = next === -1 ? text.length : next;
  return text.slice(start, end).includes('"') ? -1 : end;
}

/** Counts line ends of all three kinds, those within quotes too, as an editor numbers lines. */
function lineBreaks(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at += 1) {
    const isCarriageReturn = text[at] === "\r";
    if (isCarriageReturn && text[at + 1] === "\n") at += 1;
    if (isCarriageReturn || text[at] === "\n") count += 1;
  }
  return count;
}

/** Rows as CSV text with a line end (LF) after each. */
export function writeCsv(rows: readonly (readonly string[])[]): string {
  return stringify(rows as string[][]);
}

/** What spreadsheets skip, and then take for the beginning of a formula, in ASCII and full width. */
const FORMULA = /^[\s\p{Cc}\p{Cf}"']*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]/u;
/** Formulas may also begin after a tab or a line end. */
const LEADING_CONTROL = /^[\t\r\n]/;
const PLAIN_NUMBER = /^[+-]?\d+(\.\d+)?$/;

/**
 * A text that a spreadsheet shows instead of running: anything it would take for a formula gets an apostrophe in
 * front, as OWASP advises. Plain numbers stay as they are, negative ones too.
 */
export function spreadsheetSafe(text: string): string {
  const isFormula = FORMULA.test(text) || LEADING_CONTROL.test(text);
  return isFormula && !PLAIN_NUMBER.test(text) ? `'${text}` : text;
}
