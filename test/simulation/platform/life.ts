/**
 * One stay of an object in memory: its code, what it is answering, and whether it lets other code in just now.
 * It ends by being killed, together with what it had not stored, or by being evicted while it had nothing to do.
 */

import type { openAlarm } from "./alarm.ts";
import { type Call, kill, type Process, runAs, runningCall } from "./process.ts";
import type { ServerEnd } from "./sockets.ts";
import { type Durable, openStorage, type Storage } from "./storage.ts";
import { bear, type World } from "./world.ts";

export type Methods = Record<string, (...args: never[]) => Promise<unknown>>;

/** A class as the Worker exports it. */
export type ObjectClass = new (ctx: never, env: never) => object;

/** What belongs to an object whether or not it is in memory. */
export type Home = {
  readonly kind: string;
  readonly name: string;
  readonly durable: Durable;
  readonly sockets: Set<ServerEnd>;
  readonly alarm: ReturnType<typeof openAlarm>;
  /** Until when its code does not know a call yet, by the call's name; epoch milliseconds. */
  readonly unknownUntil: Map<string, number>;
  life: Life | null;
};

export type Life = {
  readonly process: Process;
  readonly storage: Storage;
  instance: Methods | null;
  /** Calls begun and not answered; each is told if this life ends before. */
  readonly calls: Set<() => void>;
  /** Calls that wait until the object lets other code in again. */
  waiting: (() => void)[];
  blockers: number;
  /** Work that goes on after its answer. */
  tails: number;
};

/** Told of every commit as soon as it has become true, and of what its code was answering. */
export type CommitListener = (home: Home, call: Call | null) => void;

/** Brings an object into memory: its constructor runs, and may keep other code out for a while. */
export function begin(world: World, home: Home, Class: ObjectClass, env: object, heed: CommitListener): Life {
  const process = bear(world, "object", `${home.kind} ${home.name}`);
  const storage = openStorage(home.durable, {
    call: runningCall,
    isAlive: () => !process.isDead,
    fate: () => fateOf(world),
    committed(call) {
      home.alarm.arm();
      heed(home, call);
    },
    die: () => kill(process),
  });
  process.gate = storage.gate;
  const life: Life = {
    process,
    storage,
    instance: null,
    calls: new Set(),
    waiting: [],
    blockers: 0,
    tails: 0,
  };
  home.life = life;
  process.atDeath.add(() => bury(world, home, life));
  runAs(process, () => {
    life.instance = new Class(contextOf(world, home, life) as never, env as never) as Methods;
  });
  return life;
}

function fateOf({ faults }: World) {
  if (faults.strikes("crashBeforeCommit")) return "undo";
  return faults.strikes("crashAfterCommit") ? "keep and die" : "keep";
}

/** Whether the object may leave memory without anybody noticing. */
export function isIdle({ calls, waiting, blockers, tails }: Life): boolean {
  return calls.size === 0 && waiting.length === 0 && blockers === 0 && tails === 0;
}

/** Lets an idle object leave memory; its sockets stay. */
export function evict({ living }: World, home: Home): void {
  const { life } = home;
  if (!life || !isIdle(life)) return;
  home.life = null;
  life.process.isDead = true;
  life.process.atDeath.clear();
  living.delete(life.process);
}

function bury(world: World, home: Home, life: Life): void {
  life.storage.abandon();
  home.life = null;
  for (const socket of [...home.sockets]) socket.breakOff();
  for (const tell of life.calls) tell();
  for (const call of life.waiting) world.clock.schedule(world.random.between(1, 50), "call again", call);
}

/** What the platform hands to the constructor, as far as this project uses it. */
function contextOf(world: World, home: Home, life: Life) {
  return {
    id: { name: home.name },
    storage: life.storage.api,
    waitUntil(work: Promise<unknown>) {
      life.tails += 1;
      const ended = () => {
        life.tails -= 1;
      };
      work.then(ended, ended);
    },
    async blockConcurrencyWhile<T>(act: () => Promise<T>): Promise<T> {
      life.blockers += 1;
      try {
        return await act();
      } catch (error) {
        kill(life.process);
        throw error;
      } finally {
        life.blockers -= 1;
        if (life.blockers === 0) letIn(world, life);
      }
    },
    acceptWebSocket(socket: ServerEnd, tags: string[] = []) {
      socket.acceptedBy(home, tags);
    },
    getWebSockets: (tag?: string) =>
      [...home.sockets].filter((socket) => tag === undefined || socket.tags.includes(tag)),
  };
}

function letIn({ clock }: World, life: Life): void {
  const { waiting } = life;
  life.waiting = [];
  for (const call of waiting) clock.schedule(0, "let in", call);
}
