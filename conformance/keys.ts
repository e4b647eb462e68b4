/** Reads the keys the suite is given: a path, the JSON itself, or `-` for standard input. */

import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import type { Keys } from "./deployment.ts";

/** The keys of two tenants. Rejects if they cannot be read, without repeating any of them. */
export async function readKeys(given: string): Promise<Keys> {
  const json = await textOf(given);
  try {
    return JSON.parse(json) as Keys;
  } catch {
    throw new Error('The keys are not JSON like {"acme": {"full": "…", "read": "…"}, "globex": {…}}.');
  }
}

async function textOf(given: string): Promise<string> {
  if (given.trimStart().startsWith("{")) return given;
  return given === "-" ? text(process.stdin) : readFile(given, "utf8");
}
