/**
 * `npm run lives -- [--lives N] [--keys K] [--seed S]`: plays random lives of a few idempotency keys against a service
 * of its own. Exits with 1 if an identifier was shown for two jobs, or if one of a deleted job had an effect.
 */

import { randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { playLives } from "./lives/play.ts";
import { startService } from "./service.ts";

const FAULTS_SHOWN = 20;

const option = { type: "string" } as const;
const { values } = parseArgs({ options: { lives: option, keys: option, seed: option } });
const lives = Number(values.lives ?? 10_000);
const keys = Number(values.keys ?? 50);
const seed = Number(values.seed ?? randomInt(2 ** 31));

const stateDir = await mkdtemp(join(tmpdir(), "accepted-lives-"));
const service = await startService({ stateDir });
try {
  const report = await playLives({ url: service.url, key: service.keys.acme.full, lives, keys, seed });
  console.log(
    `${report.lives} lives of ${keys} keys with seed ${seed}: ${report.jobs} jobs, ${report.identifiers} identifiers`,
  );
  console.log(
    `identifiers of two jobs, and identifiers of dead jobs with an effect: ${report.faults.length}`,
  );
  for (const fault of report.faults.slice(0, FAULTS_SHOWN)) console.log(fault);
  process.exitCode = report.faults.length > 0 ? 1 : 0;
} finally {
  await service.stop();
  await rm(stateDir, { recursive: true, force: true });
}
