/** 64 KB of hostile text in a header, a parameter or a field is answered in linear time. */

import { expect, test } from "vitest";
import { parseRange } from "../../src/api/files/response.ts";
import { matchesWeakly, parseIdempotencyKey, parseIfMatch } from "../../src/api/request/headers.ts";
import { parseJson } from "../../src/api/request/json.ts";
import { parseWait } from "../../src/api/request/prefer.ts";
import { readListQuery } from "../../src/api/request/query.ts";
import { continueTrace } from "../../src/api/request/trace-context.ts";
import { parseDecimal } from "../../src/lib/decimal.ts";
import { isId } from "../../src/lib/id.ts";
import { isKeyId, readKey } from "../../src/lib/key.ts";
import { retryAfterMs } from "../../src/lib/retry-after.ts";
import { parseTime } from "../../src/lib/rfc3339.ts";
import { checkTarget } from "../../src/lib/target.ts";

const LENGTH = 64 * 1024;
/** CPU time. A quadratic reader takes seconds, a linear one a few milliseconds; the best of several runs counts. */
const LIMIT_MS = 50;
const RUNS = 5;

const readers: Record<string, (text: string) => unknown> = {
  Range: (text) => parseRange(text, 100),
  Prefer: parseWait,
  "Idempotency-Key": parseIdempotencyKey,
  "If-None-Match": (text) => matchesWeakly(text, "4"),
  "If-Match": parseIfMatch,
  traceparent: (text) => continueTrace(text),
  tracestate: (text) => continueTrace(`00-${"1".repeat(32)}-${"1".repeat(16)}-01`, text),
  "Retry-After of a third party": (text) => retryAfterMs(text, 0),
  "a query": (text) => readListQuery(new URLSearchParams({ limit: text, created_after: text })),
  "a metadata parameter": (text) => readListQuery(new URLSearchParams({ [`metadata[${text}]`]: text })),
  "a JSON body": parseJson,
  "a JSON string": (text) => parseJson(JSON.stringify({ [text]: text })),
  "a URL": (text) => checkTarget(text, { allowLocal: true, ownHosts: [] }),
  "a URL's path": (text) => checkTarget(`https://example.com/${text}`, { allowLocal: true, ownHosts: [] }),
  "a decimal": parseDecimal,
  "a time": parseTime,
  "an id": (text) => isId("job", text),
  "a key": (text) => void readKey(text, "s".repeat(32)),
  "a key's id": isKeyId,
};

const repeated = [
  " ",
  "\t",
  "\n",
  "a",
  "0",
  "-",
  ",",
  ";",
  "=",
  '"',
  "\\",
  "W/",
  '",',
  "bytes= ",
  "[",
  "{",
  ":",
  "=,",
  ".",
  "%",
  "/",
  "@",
  "é",
];
const prefixes = ["", '"', "bytes=", "wait=", 'W/"', "00-", "https://", "1", "job_"];
const texts = repeated.flatMap((unit) =>
  prefixes.map((prefix) => `${prefix}${unit.repeat(Math.ceil(LENGTH / unit.length))}!`),
);

test.each(Object.entries(readers))("%s: 64 KB of hostile text → at most 50 ms of CPU", (_name, read) => {
  const slow = texts.filter((text) => bestMs(read, text) > LIMIT_MS);
  expect(slow.map((text) => text.slice(0, 20))).toEqual([]);
});

function bestMs(read: (text: string) => unknown, text: string): number {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS && best > LIMIT_MS; run += 1) {
    const startedAt = cpuMs();
    try {
      read(text);
    } catch {
      // A rejection is an answer.
    }
    best = Math.min(best, cpuMs() - startedAt);
  }
  return best;
}

/** The CPU time of this thread: what other programs on the machine do does not count. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
