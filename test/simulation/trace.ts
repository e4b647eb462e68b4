/** What happened in a world: all of it as a hash, by which two runs are told to be the same, and the end of it as text. */

export type Trace = ReturnType<typeof openTrace>;

/** Keeps the last `kept` lines. */
export function openTrace(kept: number) {
  let [low, high] = [0x811c9dc5, 0x1234567];
  let lines: string[] = [];

  function keep(line: string): void {
    lines.push(line);
    if (lines.length > 2 * kept) lines = lines.slice(-kept);
  }

  return {
    /** Something happened at this true time. */
    happened(at: number, what: string): void {
      const line = `${at} ${what}`;
      for (let index = 0; index < line.length; index += 1) {
        low = Math.imul(low ^ line.charCodeAt(index), 0x01000193);
        high = Math.imul(high + line.charCodeAt(index), 0x85ebca6b) ^ (high >>> 13);
      }
      if (kept > 0) keep(`${new Date(at).toISOString()} ${what}`);
    },
    /** A record of the service's own log: for the reader, not for the hash. */
    said(record: object): void {
      if (kept > 0) keep(`    log ${JSON.stringify(record).slice(0, 300)}`);
    },
    hash: () => [low, high].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join(""),
    lines: () => lines.slice(-kept),
  };
}
