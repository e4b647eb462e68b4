/**
 * The promise of the service, under kill -9: whatever was accepted ends, once, as it should. Again and again, at
 * random moments, the whole runtime is killed amid some hundred jobs and started again on what it had stored.
 * CRASH_SEED repeats a run as far as chance goes; the machine's own timing is never the same.
 */

import { randomInt } from "node:crypto";
import { expect, test } from "vitest";
import { runChaos } from "../../scripts/chaos/run.ts";

const seed = Number(process.env.CRASH_SEED ?? randomInt(2 ** 31));

/** Fifteen seconds of load, the settling, and the listing's own time to heal. */
const TEST_MS = 300_000;

test(
  "of all accepted jobs none is lost and none ends twice, though the runtime dies again and again",
  async () => {
    console.log(`CRASH_SEED=${seed}`);
    const tally = await runChaos({
      seed,
      loadMs: 15_000,
      livesMs: [500, 3_500],
      say: (words) => console.log(words),
    });
    console.log(tally);
    expect({ lost: tally.lost, doubled: tally.doubled, wrong: tally.wrong }).toEqual({
      lost: [],
      doubled: [],
      wrong: [],
    });
    expect(tally.kills).toBeGreaterThanOrEqual(3);
    expect(tally.accepted).toBeGreaterThan(100);
    expect(tally.lostAttempts).toBeGreaterThan(0);
    expect(tally.webhooks).toBeGreaterThan(0);
  },
  TEST_MS,
);
