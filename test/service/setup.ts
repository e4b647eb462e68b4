/**
 * Before the tests from outside: starts the one service that those share which need only a running one, and says what
 * cannot be run here.
 */

import { appendFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import type { LocalKeys } from "../../scripts/local-keys.ts";
import { startService } from "../../scripts/service.ts";
import { noBrowser } from "./browser.ts";

declare module "vitest" {
  export interface ProvidedContext {
    service: { url: string; keys: LocalKeys; logFile: string; stateDir: string };
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (noBrowser !== null) console.warn(noBrowser);
  const stateDir = await mkdtemp(join(tmpdir(), "accepted-test-"));
  const logFile = join(stateDir, "log.jsonl");
  appendFileSync(logFile, "");
  const onLine = (line: object) => appendFileSync(logFile, `${JSON.stringify(line)}\n`);
  const service = await startService({ stateDir, onLine });
  project.provide("service", { url: service.url, keys: service.keys, logFile, stateDir });
  return async () => {
    await service.stop();
    await rm(stateDir, { recursive: true, force: true });
  };
}
