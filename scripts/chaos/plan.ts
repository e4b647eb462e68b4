/**
 * What chaos submits: jobs whose demanded end does not depend on how many of their attempts the crashes take away.
 * All chance comes from one seed.
 */

export type Plan = {
  kind: string;
  request: {
    type: string;
    input: object;
    max_attempts?: number;
    run_at?: string;
    total_timeout_ms?: number;
    webhook?: { url: string };
  };
  demanded: { status: string; status_reason: string | null; result?: unknown };
  /** The client cancels the job so long after it was accepted; null never. */
  cancelAfterMs: number | null;
  /** The same post goes out so often at once, under one key. */
  posts: number;
  /** At most one unfinished job may have this place; null for a job without one. */
  place: string | null;
  /** The job is submitted once more when it has finished. */
  isReplayed: boolean;
};

/** What the jobs with data work on: a CSV file, and a dataset that was imported from it. */
export type Data = { file: string; dataset: string };

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

const once = { cancelAfterMs: null, posts: 1, place: null, isReplayed: false };

/** `limits` are fields of the request beside type and input. */
function plan(input: object, demanded: Plan["demanded"], limits: object = {}): Omit<Plan, "kind"> {
  return { ...once, request: { type: "test.simulate", input, max_attempts: ATTEMPTS, ...limits }, demanded };
}

const succeeded = (result: unknown = null) => ({ status: "succeeded", status_reason: null, result });
const failed = (status_reason: string) => ({ status: "failed", status_reason });
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();
const succeed = { outcome: "succeed" };
const unavailable = { outcome: "fail", kind: "service_unavailable" };

/** Simulated jobs with every outcome. */
const simulatedJobs: Record<string, Make> = {
  "succeeds at once": (chance, number) => ({
    ...plan({ result: number }, succeeded(number)),
    posts: chance(1, 3),
  }),
  "succeeds slowly": (chance, number) =>
    plan({ duration_ms: chance(1_000, 4_000), steps: 40, result: number }, succeeded(number)),
  "works silently": (chance) => plan({ duration_ms: chance(1_000, 4_000), heartbeats: false }, succeeded()),
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
    plan({ attempts: [{ outcome: "hang" }] }, failed("total_timeout"), {
      total_timeout_ms: chance(2_000, 8_000),
    }),
  "is cancelled": (chance) => ({
    ...plan({ duration_ms: 120_000, steps: 200 }, { status: "cancelled", status_reason: "requested" }),
    cancelAfterMs: chance(0, 6_000),
  }),
  "is scheduled": (chance, number) =>
    plan({ duration_ms: chance(0, 500), result: number }, succeeded(number), {
      run_at: inMs(chance(1_000, 8_000)),
    }),
};

/** Who asks for reports: so few that they meet each other's place. */
const REQUESTERS = 3;

/** Every kind of plan: simulatedJobs, imports, reports, replays, and jobs that tell a webhook at `hookUrl`. */
export function allKinds({ file, dataset }: Data, hookUrl: string): Record<string, Make> {
  const webhook = { url: hookUrl };
  return {
    ...simulatedJobs,
    "tells a webhook": (chance, number) =>
      plan({ duration_ms: chance(0, 1_500), result: number }, succeeded(number), { webhook }),
    "fails and tells a webhook": () =>
      plan({ attempts: [{ outcome: "fail", kind: "not_found" }] }, failed("permanent_failure"), { webhook }),
    "is replayed": (chance, number) => ({
      ...plan({ duration_ms: chance(0, 800), result: number }, succeeded(number)),
      isReplayed: true,
    }),
    "imports a CSV": (_, number) => ({
      ...once,
      request: { type: "csv.import", input: { file, dataset: `chaos_${number}` } },
      demanded: { status: "succeeded", status_reason: null },
      place: `csv.import chaos_${number}`,
    }),
    "reports on a dataset": (chance) => {
      const requested_by = `requester-${chance(1, REQUESTERS)}`;
      const metrics = [{ op: "count" }, { op: "sum", column: "amount" }];
      return {
        ...once,
        request: {
          type: "report.export",
          input: { dataset, metrics, format: "json", requested_by },
          // It waits a while, so that others meet it in its place.
          run_at: inMs(chance(500, 4_000)),
        },
        demanded: { status: "succeeded", status_reason: null },
        place: `report.export ${requested_by}`,
        posts: chance(1, 2),
      };
    },
    "is cancelled and tells a webhook": (chance) => ({
      ...plan({ duration_ms: 60_000 }, { status: "cancelled", status_reason: "requested" }, { webhook }),
      cancelAfterMs: chance(0, 3_000),
    }),
  };
}

/** Plans without end, all kinds in equal parts. */
export function* plansOf(kinds: Record<string, Make>, chance: Chance): Generator<Plan> {
  const makers = Object.entries(kinds);
  for (let number = 0; ; number += 1) {
    const [kind, make] = makers[chance(0, makers.length - 1)] ?? noKind();
    yield { kind, ...make(chance, number) };
  }
}

function noKind(): never {
  throw new Error("there is a kind for every number");
}
