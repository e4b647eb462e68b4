/** The header row of a CSV file: which record it is, and the names it gives to the columns. */

import type { CsvRecord } from "../lib/csv.ts";
import { invalidInput } from "./dataset.ts";

const COLUMNS_MAX = 1000;
const COLUMN_NAME_CHARS_MAX = 200;

/** How spreadsheets name the delimiter on a line before the header. */
const DELIMITER_LINE = /^"?sep=(.)"?$/i;

/** The header row, after a line that names the delimiter. Throws if there is none, or if that is another one. */
export async function readHeader(delimiter: string, records: AsyncGenerator<CsvRecord>): Promise<CsvRecord> {
  const { value: first } = await records.next();
  const [, named] = DELIMITER_LINE.exec(first?.raw ?? "") ?? [];
  if (named !== undefined && named !== delimiter) {
    const message = `The first line names the delimiter ${JSON.stringify(named)}. Submit the job with that delimiter.`;
    throw invalidInput("other_delimiter", message);
  }
  const { value: header } = named === undefined ? { value: first } : await records.next();
  if (!header) throw invalidInput("no_header", "The file has no header row.");
  return header;
}

/** The names in the header row. Throws if they cannot name columns. */
export function columnsOf({ cells }: CsvRecord): string[] {
  if (!cells) throw invalidInput("unreadable_header", "The quotes in the header row are wrong.");
  const columns = cells.map((name) => name.normalize("NFC").trim());
  if (columns.length > COLUMNS_MAX) {
    throw invalidInput(
      "too_many_columns",
      `The file has ${columns.length} columns; ${COLUMNS_MAX} are possible.`,
    );
  }
  for (const [index, name] of columns.entries()) {
    const where = `Column ${index + 1}`;
    if (name === "") throw invalidInput("empty_column_name", `${where} has no name.`);
    if (columns.indexOf(name) < index) {
      throw invalidInput("duplicate_column_name", `${where} has the name of an earlier one.`);
    }
    if (name.length > COLUMN_NAME_CHARS_MAX || /[\p{Cc}\p{Cf}\u2028\u2029]/u.test(name)) {
      throw invalidInput(
        "bad_column_name",
        `The name of ${where.toLowerCase()} has a character that cannot be seen, or more than ${COLUMN_NAME_CHARS_MAX} characters.`,
      );
    }
  }
  return columns;
}
