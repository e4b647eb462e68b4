/**
 * The promise of the service, under kill -9: whatever was accepted ends, once, as it should. Again and again, at
 * random moments, the whole runtime is killed amid some hundred jobs and started again on what it had stored.
 * CRASH_SEED repeats a run as far as chance goes; the machine's own timing is never the same.
 */

import { randomInt } from "node:crypto";
import { expect, test } from "vitest";
import { runChaos } from "../../scripts/chaos/run.ts";

const seed = Number(process.env.CRASH_SEED ?? randomInt(2 ** 31));

/** Fewer would show nothing. */
const ACCEPTED_MIN = 60;
const KILLS_MIN = 3;

/** Fifteen seconds of load, the settling, and the time in which the job index becomes consistent. */
const TEST_MS = 400_000;

test(
  "accepted jobs: the runtime is killed again and again → none is lost, none ends twice",
  async () => {
    const stats = await runChaos({
      seed,
      loadMs: 15_000,
      acceptedMin: ACCEPTED_MIN,
      killsMin: KILLS_MIN,
      livesMs: [500, 3_500],
      say: () => undefined,
    });
    const faults = [...stats.lost, ...stats.doubled, ...stats.wrong];
    expect(faults, `CRASH_SEED=${seed}\n${faults.join("\n")}`).toEqual([]);
    expect(stats.kills).toBeGreaterThanOrEqual(KILLS_MIN);
    expect(stats.accepted).toBeGreaterThanOrEqual(ACCEPTED_MIN);
    expect(stats.lostAttempts).toBeGreaterThan(0);
    expect(stats.webhooks).toBeGreaterThan(0);
  },
  TEST_MS,
);
