/** Where a program is started once, and world after world is put around it. */

import type { PostInit, Program, System } from "./load.ts";
import type { Signal } from "./platform/aborting.ts";
import { runningProcess } from "./platform/process.ts";
import { reach, type Simulation } from "./platform/simulation.ts";
import { type Answer, type DeliverToObject, openSocket } from "./platform/sockets.ts";

/** What changes from world to world. */
export type Environment = {
  simulation: Simulation;
  /** Brings an event of a socket to its object. */
  deliverToObject: DeliverToObject;
  fetch: (url: string, init: PostInit) => Promise<Answer>;
  log: (record: object) => void;
};

export type Harness = { system: System; enter: (environment: Environment) => void };

/** Starts the program; nothing may happen in it before a world is entered. */
export function openHarness(program: Program): Harness {
  let current: Environment | null = null;

  function here(): Environment {
    if (!current) throw new Error("No world has been entered.");
    return current;
  }

  const now = () => here().simulation.clock.now() + runningProcess().skewMs;
  const randomBytes = (count: number) => here().simulation.random.bytes(count);

  class WebSocketPair {
    constructor() {
      const { simulation, deliverToObject } = here();
      const { client, server } = openSocket(simulation, deliverToObject);
      Object.assign(this, { 0: client, 1: server });
    }
  }

  const system = program.start({
    now,
    random: () => here().simulation.random.next(),
    uuid: () => Buffer.from(randomBytes(16)).toString("hex"),
    randomBytes,
    sleep: (ms, signal) => sleep(here().simulation, ms, signal),
    WebSocketPair,
    fetch: (url, init) => here().fetch(url, init),
    log: (record) => here().log(record),
  });

  return {
    system,
    enter(environment): void {
      current = environment;
    },
  };
}

/** As in src/lib/runtime.ts; a process that is dead by then is not woken. */
function sleep(simulation: Simulation, ms: number, signal?: Signal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  const sleeper = runningProcess();
  return new Promise((resolve) => {
    const done = () => {
      callOff();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const callOff = simulation.clock.schedule(ms, `${sleeper.name} wakes`, () =>
      reach(simulation, sleeper, done),
    );
    signal?.addEventListener("abort", done);
  });
}
