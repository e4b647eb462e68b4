/** Puts load on one URL from this process and measures it. An unexpected answer is an error. */

import autocannon, { type Options, type Request } from "autocannon";

export type Load = {
  url: string;
  method?: "GET" | "POST";
  headers?: Record<string, string>;
  body?: string;
  /** Whether each request carries an Idempotency-Key of its own. */
  isKeyed?: boolean;
  /** The status every answer must have. */
  status: number;
};

/** `perSecond`: answers per second; `medianMs`: of the single answers; `atLast`: what was read after the last one. */
export type Measured<Reading> = { perSecond: number; medianMs: number; atLast: Reading };

/** Sends `amount` requests over `connections`, one at a time on each. Reads a gauge right after the last answer. */
export async function load<Reading>(
  asked: Load,
  amount: number,
  connections: number,
  readGauge: () => Promise<Reading>,
): Promise<Measured<Reading>> {
  const { url, method = "GET", headers = {}, body, isKeyed = false, status } = asked;
  const times: number[] = [];
  const wrong: number[] = [];
  const startedAt = performance.now();
  let endedAt = startedAt;
  let reading: Promise<Reading> | null = null;
  const options: Options = {
    ...{ url, method, headers, amount, connections },
    ...(body !== undefined && { body }),
    ...(isKeyed && { requests: [{ setupRequest: withFreshKey }] }),
  };
  await run(options, (statusCode, ms) => {
    times.push(ms);
    endedAt = performance.now();
    if (statusCode !== status) wrong.push(statusCode);
    if (times.length === amount) reading = readGauge();
  });
  if (wrong.length > 0 || reading === null) {
    const seen = [...new Set(wrong)].join(", ");
    throw new Error(`${method} ${url}: ${times.length} answers of ${amount}, wrong statuses ${seen}`);
  }
  // autocannon notices its own end only once a second, so the last answer is what counts.
  const seconds = (endedAt - startedAt) / 1_000;
  return { perSecond: amount / seconds, medianMs: median(times), atLast: await reading };
}

function withFreshKey(request: Request): Request {
  return { ...request, headers: { ...request.headers, "Idempotency-Key": crypto.randomUUID() } };
}

/** Resolves after all answers. Calls `onAnswer` with the status and milliseconds of each. */
function run(options: Options, onAnswer: (statusCode: number, ms: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const instance = autocannon(options, (error) => (error ? reject(error) : resolve()));
    instance.on("response", (_client, statusCode, _bytes, ms) => onAnswer(statusCode, ms));
    instance.on("reqError", reject);
  });
}

/** The value that half of them do not exceed. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The value that this part of them (0 to 1) does not exceed; NaN of none. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
}
