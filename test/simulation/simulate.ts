/**
 * One simulated world from its seed to its end: a time of faults, in which clients act and everything may go wrong, and
 * then a time of peace, in which everything must come right by itself: all jobs end, all deliveries too, and at the
 * very end nothing is left behind.
 */

import { actAsClient, type Scene, submitOnce } from "./clients.ts";
import { openFaults } from "./faults.ts";
import { openHarness } from "./harness.ts";
import { assertThat } from "./invariants/demand.ts";
import {
  checkDelivered,
  checkEmpty,
  checkFinished,
  checkIndexes,
  checkPartitionsGone,
  checkQueuesEmpty,
  checkStored,
  checkStoresEmpty,
  type IndexContents,
} from "./invariants/end.ts";
import { openWitness } from "./invariants/witness.ts";
import type { Program } from "./load.ts";
import { openClock } from "./platform/clock.ts";
import { kill, type Process, runAs } from "./platform/process.ts";
import { openRandom } from "./platform/random.ts";
import { type Simulation, spawn } from "./platform/simulation.ts";
import { mixed, type Older } from "./previous.ts";
import { openReceivers, type Receivers } from "./receivers.ts";
import { PLAIN_REQUEST } from "./requests.ts";
import { openService, type Service } from "./service.ts";
import { openTrace } from "./trace.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

const TENANTS = ["acme", "globex"];
const ALL_JOBS = { statuses: [], types: [], createdAfter: null, createdBefore: null, metadata: {} };

const STARTS_AT = Date.UTC(2026, 0, 1);

/** A world in which more happens than this never comes to rest: ten times what happens in the liveliest. */
const EVENTS_PER_JOB_MAX = 6_000;

const AWAY_MS = 3 * MINUTE;

/** After so long without faults a client uses the service again; by then an alarm that has not fired is known to be lost. */
const QUIET_MS = 11 * MINUTE;

/** All attempts, their limits, backoffs and messages sent again fit in here. */
const ENDS_WITHIN_MS = 5 * HOUR;

/** All tries of a webhook fit in here, and no job is purged before. */
const DELIVERED_WITHIN_MS = 5 * DAY;

/** Every job's retention, and that of a key that stands for another's job. */
const FORGOTTEN_WITHIN_MS = 100 * DAY;

/** How large a world is: the most it may have of each. */
export type Size = { clients: number; jobs: number; minutes: number };

export const SMALL: Size = { clients: 3, jobs: 5, minutes: 30 };

export type Result = {
  seed: number;
  size: Size;
  /** Follows from everything that happened, in its order. */
  hash: string;
  events: number;
  jobs: number;
  faults: string;
  /** The first promise that was broken, and how; null if none was. */
  violation: { invariant: string; message: string } | null;
  /** What happened last, one line each; empty unless it was recorded. */
  trace: string[];
};

/** A program of which a part runs until a moment of each world. */
export type Previous = { program: Program; older: Older };

const DEPLOYED_WITHIN_MS = 20 * MINUTE;

/** Runs worlds of one program, one after the other; with another one before it, each world sees the deploy. */
export function openSimulator(program: Program, previous?: Previous) {
  const harness = openHarness(program);
  const before = previous && openHarness(previous.program);

  return {
    /** The world of this seed. `record` is how many lines of its trace are kept. */
    async simulate(seed: number, size: Size = SMALL, record = 0): Promise<Result> {
      const random = openRandom(seed);
      const trace = openTrace(record);
      const faults = openFaults(random);
      const clock = openClock(STARTS_AT, random, trace.happened);
      const note = (what: string) => trace.happened(clock.now(), what);
      const violations: NonNullable<Result["violation"]>[] = [];
      const reportViolation = (invariant: string, message: string) => {
        note(`VIOLATED: ${invariant}: ${message}`);
        violations.push({ invariant, message });
      };
      const simulation: Simulation = { clock, random, faults, note, reportViolation, processes: new Set() };
      const { skewMsMax: skewMs } = faults;
      const deployedAt = before ? STARTS_AT + random.between(0, DEPLOYED_WITHIN_MS) : STARTS_AT;
      const system =
        before && previous
          ? mixed(harness.system, before.system, previous.older, () => clock.now() < deployedAt)
          : harness.system;
      const witness = openWitness(system, { skewMs, now: clock.now, reportViolation });
      const receivers = openReceivers(simulation, witness);
      const service = openService(simulation, system, witness);
      const environment = {
        simulation,
        deliverToObject: service.deliverToObject,
        fetch: receivers.fetch,
        log: trace.said,
      };
      harness.enter(environment);
      before?.enter(environment);
      const scene: Scene = {
        simulation,
        system,
        env: service.env,
        types: service.types,
        terms: service.terms,
        witness,
        isDeploying: before !== undefined,
        keys: new Map(),
        looks: new Map(),
      };
      const stackLines = Error.stackTraceLimit;
      if (record === 0) Error.stackTraceLimit = 0;
      await live(scene, service, receivers, size, () => violations.length > 0);
      Error.stackTraceLimit = stackLines;
      return {
        seed,
        size,
        hash: trace.hash(),
        events: clock.happened(),
        jobs: witness.all().length,
        faults: faults.describe(),
        violation: violations[0] ?? null,
        trace: trace.lines(),
      };
    },
  };
}

async function live(
  scene: Scene,
  service: Service,
  receivers: Receivers,
  size: Size,
  isOver: () => boolean,
): Promise<void> {
  const { simulation, witness } = scene;
  const { clock, faults, random } = simulation;
  const eventsMax = EVENTS_PER_JOB_MAX * size.jobs;
  const quiescenceAt = clock.now() + random.between(1, size.minutes) * MINUTE;

  async function goOnUntil(at: number, after: () => void): Promise<void> {
    await clock.settle();
    while (!isOver() && (await clock.step(at))) {
      after();
      if (clock.happened() > eventsMax)
        witness.hold("a world comes to rest", () =>
          assertThat(false, `after ${eventsMax} events it still goes on`),
        );
    }
  }

  const clients = spawnClients(scene, size);
  await goOnUntil(quiescenceAt, () => injectFaults(simulation, service));
  for (const client of clients) kill(client);
  faults.stop();
  simulation.note("peace");
  await goOnUntil(quiescenceAt + QUIET_MS, () => undefined);
  resumeTraffic(scene);
  await goOnUntil(quiescenceAt + ENDS_WITHIN_MS, () => undefined);
  if (!isOver()) checkFinished(witness);
  if (!isOver()) checkStored(witness, service);
  const read = readIndexes(scene);
  await goOnUntil(clock.now() + MINUTE, () => undefined);
  if (!isOver()) checkIndexes(witness, await read, !faults.isOn("indexFull"));
  await goOnUntil(quiescenceAt + DELIVERED_WITHIN_MS, () => undefined);
  if (!isOver()) checkDelivered(witness, receivers);
  await goOnUntil(quiescenceAt + FORGOTTEN_WITHIN_MS, () => undefined);
  const readAgain = readIndexes(scene);
  await goOnUntil(clock.now() + MINUTE, () => undefined);
  if (isOver()) return;
  checkIndexes(witness, await readAgain, !faults.isOn("indexFull"));
  checkStoresEmpty(witness, service);
  checkPartitionsGone(witness, service);
  checkQueuesEmpty(witness, service);
  checkEmpty(witness, service.jobs.homes.values(), service.uniqueKeys.homes.values());
}

/** Every tenant submits a job that just succeeds, and lists its jobs: both wake a partition whose own alarm was lost. */
function resumeTraffic(scene: Scene): void {
  const { simulation } = scene;
  for (const tenant of TENANTS) {
    const client = spawn(simulation, "client", `late client of ${tenant}`);
    void runAs(client, () => submitOnce(scene, tenant, { body: PLAIN_REQUEST, key: null }, []));
    void runAs(client, () => scene.system.tenantIndex(scene.env, tenant).count(ALL_JOBS));
  }
}

/** Asks the listing of every tenant for all it has. */
async function readIndexes({ simulation, system, env }: Scene): Promise<IndexContents[]> {
  const reader = spawn(simulation, "client", "reader of the listings");
  return runAs(reader, () =>
    Promise.all(
      TENANTS.map(async (tenant) => {
        const index = system.tenantIndex(env, tenant);
        const { jobs } = await index.page(ALL_JOBS, null, 1_000);
        return { tenant, jobs, stats: await index.stats(STARTS_AT - DAY, STARTS_AT + YEAR, null) };
      }),
    ),
  );
}

function spawnClients(scene: Scene, size: Size): Process[] {
  const { simulation } = scene;
  const { random } = simulation;
  const tenants = TENANTS.slice(0, random.chance(0.7) ? 1 : 2);
  const submissions = { left: random.between(1, size.jobs) };
  return Array.from({ length: random.between(1, size.clients) }, (_, index) => {
    const client = spawn(simulation, "client", `client ${index + 1}`);
    const actions = random.between(1, 3 * size.jobs);
    void runAs(client, () => actAsClient(scene, random.pick(tenants), actions, submissions));
    return client;
  });
}

/** What may go wrong between any two events. */
function injectFaults({ clock, faults, processes, random }: Simulation, service: Service): void {
  const someone = (kind: Process["kind"]): Process[] => {
    const candidates = [...processes].filter((process) => process.kind === kind);
    return candidates.length > 0 ? [random.pick(candidates)] : [];
  };
  if (faults.occurs("objectKilled")) someone("object").forEach(kill);
  if (faults.occurs("workerKilled")) someone("worker").forEach(kill);
  if (faults.occurs("objectEvicted")) service.evictIdle();
  if (faults.occurs("workerCutOff")) {
    for (const worker of someone("worker")) worker.cutOffUntil = clock.now() + random.between(1, AWAY_MS);
  }
  if (faults.occurs("workerFrozen")) {
    for (const worker of someone("worker")) worker.frozenUntil = clock.now() + random.between(1, AWAY_MS);
  }
}
