/** Where a program is started once, and world after world is put around it. */

import type { PostInit, Program, System } from "./load.ts";
import type { Signal } from "./platform/aborting.ts";
import { runningProcess } from "./platform/process.ts";
import { type Answer, openSocket, type TellObject } from "./platform/sockets.ts";
import { reach, type World } from "./platform/world.ts";

/** What changes from world to world. */
export type Surrounding = {
  world: World;
  /** Brings an event of a socket to its object. */
  tellObject: TellObject;
  fetch: (url: string, init: PostInit) => Promise<Answer>;
  log: (line: string) => void;
};

export type Stage = { system: System; enter: (surrounding: Surrounding) => void };

/** Starts the program; nothing may happen in it before a world is entered. */
export function openStage(program: Program): Stage {
  let current: Surrounding | null = null;

  function here(): Surrounding {
    if (!current) throw new Error("No world has been entered.");
    return current;
  }

  const now = () => here().world.clock.now() + runningProcess().skewMs;
  const randomBytes = (count: number) => here().world.random.bytes(count);

  class WebSocketPair {
    constructor() {
      const { world, tellObject } = here();
      const { client, server } = openSocket(world, tellObject);
      Object.assign(this, { 0: client, 1: server });
    }
  }

  const system = program.start({
    now,
    random: () => here().world.random.next(),
    uuid: () => Buffer.from(randomBytes(16)).toString("hex"),
    randomBytes,
    pause: (ms, signal) => pause(here().world, ms, signal),
    WebSocketPair,
    fetch: (url, init) => here().fetch(url, init),
    log: (line) => here().log(line),
  });

  return {
    system,
    enter(surrounding): void {
      current = surrounding;
    },
  };
}

/** As in src/lib/world.ts; whoever is dead by then is not woken. */
function pause(world: World, ms: number, signal?: Signal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  const sleeper = runningProcess();
  return new Promise((resolve) => {
    const done = () => {
      callOff();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const callOff = world.clock.schedule(ms, `${sleeper.name} wakes`, () => reach(world, sleeper, done));
    signal?.addEventListener("abort", done);
  });
}
