/**
 * What the crash test submits: rehearsals whose demanded end does not depend on how many of their attempts the
 * crashes take away. All chance comes from one seed.
 */

export type Plan = {
  kind: string;
  request: { type: string; input: object; max_attempts: number; run_at?: string };
  demanded: { status: string; status_reason: string | null; result?: unknown };
  /** The client cancels the job so long after it was accepted; null never. */
  cancelAfterMs: number | null;
};

export type Chance = ReturnType<typeof chanceFrom>;

/** Whole numbers from `from` to `to`, reproducible from the seed (mulberry32). */
export function chanceFrom(seed: number) {
  let state = seed >>> 0;
  return (from: number, to: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    const part = ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    return from + Math.floor(part * (to - from + 1));
  };
}

type Make = (chance: Chance, number: number) => Omit<Plan, "kind">;

/** The type's maximum: no attempt that a crash takes away may decide how a job ends. */
const ATTEMPTS = 25;

/** `limits` are fields of the request beside type and input. */
function plan(input: object, demanded: Plan["demanded"], limits: object = {}): Omit<Plan, "kind"> {
  const request = { type: "rehearsal", input, max_attempts: ATTEMPTS, ...limits };
  return { request, demanded, cancelAfterMs: null };
}

const succeeded = (result: unknown = null) => ({ status: "succeeded", status_reason: null, result });
const failed = (status_reason: string) => ({ status: "failed", status_reason });
const succeed = { outcome: "succeed" };
const unavailable = { outcome: "fail", kind: "service_unavailable" };

const makers: Record<string, Make> = {
  "succeeds at once": (_, number) => plan({ result: number }, succeeded(number)),
  "succeeds slowly": (chance, number) =>
    plan({ duration_ms: chance(1_000, 4_000), steps: 40, result: number }, succeeded(number)),
  "works silently": (chance) => plan({ duration_ms: chance(1_000, 4_000), silent: true }, succeeded()),
  "fails, then succeeds": (chance, number) =>
    plan(
      { duration_ms: chance(0, 800), attempts: [unavailable, succeed], result: number },
      succeeded(number),
    ),
  "fails for good": (chance) =>
    plan(
      { duration_ms: chance(0, 800), attempts: [{ outcome: "fail", kind: "invalid_input" }] },
      failed("permanent_failure"),
    ),
  "throws what it should not": (chance) =>
    plan(
      { duration_ms: chance(0, 800), attempts: [{ outcome: "crash", message: "planned" }] },
      failed("permanent_failure"),
    ),
  "exhausts its attempts": (chance) =>
    plan({ duration_ms: chance(0, 800), attempts: [unavailable] }, failed("attempts_exhausted"), {
      max_attempts: 2,
    }),
  "hangs until its time is up": (chance) =>
    plan({ attempts: [{ outcome: "hang" }] }, failed("time_limit_exceeded"), {
      time_limit_ms: chance(2_000, 8_000),
    }),
  "is cancelled": (chance) => ({
    ...plan({ duration_ms: 120_000, steps: 200 }, { status: "cancelled", status_reason: "requested" }),
    cancelAfterMs: chance(0, 6_000),
  }),
  "is scheduled": (chance, number) =>
    plan({ duration_ms: chance(0, 500), result: number }, succeeded(number), {
      run_at: new Date(Date.now() + chance(1_000, 8_000)).toISOString(),
    }),
};

/** `count` plans, all kinds in equal parts, mixed. */
export function makePlans(count: number, chance: Chance): Plan[] {
  const kinds = Object.entries(makers);
  const plans = Array.from({ length: count }, (_, number) => {
    const [kind, make] = kinds[number % kinds.length] ?? fail();
    return { kind, order: chance(0, 1_000_000), ...make(chance, number) };
  });
  return plans.toSorted((a, b) => a.order - b.order).map(({ order: _, ...made }) => made);
}

function fail(): never {
  throw new Error("there is a kind for every number");
}
