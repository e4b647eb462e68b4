/**
 * One stay of an object in memory: its code, what it is answering, and whether it lets other code in just now.
 * It ends by being killed, together with what it had not stored, or by being evicted while it had nothing to do.
 */

import type { openAlarm } from "./alarm.ts";
import type { ObjectId } from "./object-ids.ts";
import { type Call, kill, type Process, runAs, runningCall } from "./process.ts";
import { type Simulation, spawn } from "./simulation.ts";
import type { AutoResponse, ServerEnd } from "./sockets.ts";
import { type Durable, openStorage, type Storage } from "./storage.ts";

export type Methods = Record<string, (...args: never[]) => Promise<unknown>>;

/** A class as the Worker exports it. */
export type ObjectClass = new (ctx: never, env: never) => object;

/** What belongs to an object whether or not it is in memory. */
export type Home = {
  readonly kind: string;
  readonly name: string;
  id: ObjectId;
  readonly durable: Durable;
  readonly sockets: Set<ServerEnd>;
  autoResponse: AutoResponse | null;
  readonly alarm: ReturnType<typeof openAlarm>;
  /** Until when its code does not know a call yet, by the call's name; epoch milliseconds. */
  readonly unknownUntil: Map<string, number>;
  instance: Instance | null;
};

export type Instance = {
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
export function begin(
  simulation: Simulation,
  home: Home,
  Class: ObjectClass,
  env: object,
  onCommit: CommitListener,
): Instance {
  const process = spawn(simulation, "object", `${home.kind} ${home.name}`);
  const storage = openStorage(home.durable, {
    call: runningCall,
    isAlive: () => !process.isDead,
    outcome: () => commitOutcome(simulation),
    committed(call) {
      home.alarm.arm();
      onCommit(home, call);
    },
    die: () => kill(process),
  });
  process.gate = storage.gate;
  const instance: Instance = {
    process,
    storage,
    instance: null,
    calls: new Set(),
    waiting: [],
    blockers: 0,
    tails: 0,
  };
  home.instance = instance;
  process.atDeath.add(() => cleanUp(simulation, home, instance));
  runAs(process, () => {
    instance.instance = new Class(contextOf(simulation, home, instance) as never, env as never) as Methods;
  });
  return instance;
}

function commitOutcome({ faults }: Simulation) {
  if (faults.occurs("crashBeforeCommit")) return "undo";
  return faults.occurs("crashAfterCommit") ? "keep and die" : "keep";
}

/** Whether the object may leave memory without anybody noticing. */
export function isIdle({ calls, waiting, blockers, tails }: Instance): boolean {
  return calls.size === 0 && waiting.length === 0 && blockers === 0 && tails === 0;
}

/** Lets an idle object leave memory; its sockets stay. */
export function evict({ processes }: Simulation, home: Home): void {
  const { instance } = home;
  if (!instance || !isIdle(instance)) return;
  home.instance = null;
  instance.process.isDead = true;
  instance.process.atDeath.clear();
  processes.delete(instance.process);
}

function cleanUp(simulation: Simulation, home: Home, instance: Instance): void {
  instance.storage.abandon();
  home.instance = null;
  for (const socket of [...home.sockets]) socket.breakOff();
  for (const onReset of instance.calls) onReset();
  for (const call of instance.waiting)
    simulation.clock.schedule(simulation.random.between(1, 50), "call again", call);
}

/** What the platform hands to the constructor, as far as this project uses it. */
function contextOf(simulation: Simulation, home: Home, instance: Instance) {
  return {
    id: home.id,
    storage: instance.storage.api,
    waitUntil(work: Promise<unknown>) {
      instance.tails += 1;
      const ended = () => {
        instance.tails -= 1;
      };
      work.then(ended, ended);
    },
    async blockConcurrencyWhile<T>(act: () => Promise<T>): Promise<T> {
      instance.blockers += 1;
      try {
        return await act();
      } catch (error) {
        kill(instance.process);
        throw error;
      } finally {
        instance.blockers -= 1;
        if (instance.blockers === 0) letIn(simulation, instance);
      }
    },
    acceptWebSocket(socket: ServerEnd, tags: string[] = []) {
      socket.acceptedBy(home, tags);
    },
    setWebSocketAutoResponse(pair: AutoResponse) {
      home.autoResponse = pair;
    },
    getWebSocketAutoResponseTimestamp: ({ autoRespondedAt }: ServerEnd) =>
      autoRespondedAt === null ? null : new Date(autoRespondedAt),
    getWebSockets: (tag?: string) =>
      [...home.sockets].filter((socket) => tag === undefined || socket.tags.includes(tag)),
  };
}

function letIn({ clock }: Simulation, instance: Instance): void {
  const { waiting } = instance;
  instance.waiting = [];
  for (const call of waiting) clock.schedule(0, "let in", call);
}
