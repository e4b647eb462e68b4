/**
 * The objects of one class, and calls to them. A call may be lost on its way, its answer may be, and the object may
 * die while it answers; the caller learns only that it failed.
 */

import { openAlarm } from "./alarm.ts";
import { copy } from "./copy.ts";
import {
  begin,
  type CommitListener,
  evict,
  type Home,
  type Instance,
  type Methods,
  type ObjectClass,
} from "./instance.ts";
import { type ObjectId, openObjectIds } from "./object-ids.ts";
import { type Call, leave, type Process, runAs, runningProcess } from "./process.ts";
import { reach, type Simulation, travelMs } from "./simulation.ts";
import { Answer as HttpAnswer } from "./sockets.ts";
import { emptyDurable } from "./storage.ts";

/** So long after a deployment an object may go on running the code before it. */
const OLD_CODE_MS = 300_000;

/** So long an object may have no room. */
const FULL_MS = 20 * 60_000;

/** Far more than the same caller has reason to make of the same call. */
const CALLS_PER_SECOND_MAX = 30;

type Outcome = { ok: true; value: unknown } | { ok: false; error: Error };
type Settle = (outcome: Outcome) => void;

export type Objects = ReturnType<typeof openObjects>;

/** What a namespace needs to know: its class, who is told of every commit, and whose alarms may be lost. */
export type Deployment = {
  kind: string;
  /** The class that is deployed at the moment. */
  classOf: () => ObjectClass;
  env: object;
  onCommit?: CommitListener;
  mayLoseAlarm?: (home: Home) => boolean;
  /** Whether an object may have no room left for a while. */
  mayBeFull?: boolean;
};

/** The namespace of one class. */
export function openObjects(simulation: Simulation, deployment: Deployment) {
  const {
    kind,
    classOf,
    env,
    onCommit = () => undefined,
    mayLoseAlarm = () => true,
    mayBeFull = false,
  } = deployment;
  const { clock, faults, random } = simulation;
  const homes = new Map<string, Home>();
  const ids = openObjectIds(kind);

  function homeOf(name: string): Home {
    const known = homes.get(name);
    if (known) return known;
    let fullUntil = 0;
    const durable = emptyDurable(() => {
      if (mayBeFull && faults.occurs("indexFull")) fullUntil = clock.now() + random.between(1, FULL_MS);
      return clock.now() < fullUntil;
    });
    const home: Home = {
      kind,
      name,
      id: ids.idFromName(name),
      durable,
      sockets: new Set(),
      autoResponse: null,
      alarm: openAlarm(simulation, `${kind} ${name}`, durable, {
        now: () => clock.now() + awake(home).process.skewMs,
        fire: (settle) => fire(home, settle),
        mayBeLost: () => mayLoseAlarm(home),
      }),
      unknownUntil: new Map(),
      instance: null,
    };
    homes.set(name, home);
    return home;
  }

  function awake(home: Home): Instance {
    return home.instance ?? begin(simulation, home, classOf(), env, onCommit);
  }

  function fire(home: Home, settle: (isDone: boolean) => void): void {
    const act = (instance: Methods) => {
      home.alarm.begin();
      return (instance.alarm as () => Promise<unknown>)();
    };
    deliver(home, { method: "alarm", args: [] }, act, ({ ok }) => settle(ok));
  }

  /** Lets the object's code answer a call, once it lets other code in; `settle` is told exactly once. */
  function deliver(
    home: Home,
    call: Call,
    act: (instance: Methods) => Promise<unknown>,
    settle: Settle,
  ): void {
    const instance = awake(home);
    if (instance.blockers > 0) {
      instance.waiting.push(() => deliver(home, call, act, settle));
      return;
    }
    const onReset = () => settle({ ok: false, error: passing("The object was reset.") });
    const answer = (outcome: Outcome) =>
      leave(instance.process, () => {
        if (instance.calls.delete(onReset)) settle(outcome);
      });
    instance.calls.add(onReset);
    runAs(instance.process, async () => act(instance.instance as Methods), call).then(
      (value) => answer({ ok: true, value }),
      (error) => answer({ ok: false, error: plain(error) }),
    );
  }

  /** A call from one process to an object, there and back again. */
  function send(caller: Process, home: Home, call: Call, settle: Settle): void {
    const lost = () => settle({ ok: false, error: passing("Network connection lost.") });
    const label = `${home.kind} ${home.name} ${call.method}`;
    checkCallRate(simulation, caller, label);
    if (caller.cutOffUntil > clock.now() || faults.occurs("callLost")) {
      clock.schedule(travelMs(simulation), `${label}: lost`, lost);
      return;
    }
    const isAnswerLost = faults.occurs("answerLost");
    clock.schedule(travelMs(simulation), `${label} by ${caller.name}`, () => {
      const act = (instance: Methods) => perform(simulation, home, instance, call);
      deliver(home, call, act, (outcome) => {
        const what = outcome.ok && !isAnswerLost ? "answered" : "failed";
        clock.schedule(travelMs(simulation), `${label}: ${what}`, () => {
          if (isAnswerLost || caller.isDead) discard(outcome);
          if (isAnswerLost) lost();
          else settle(outcome);
        });
      });
    });
  }

  function callOf(home: Home, method: string, args: readonly unknown[]): Promise<unknown> {
    const caller = runningProcess();
    const call = { method, args: method === "fetch" ? [requestOf(args)] : args.map(copy) };
    return new Promise((resolve, reject) => {
      const settle: Settle = (outcome) =>
        reach(simulation, caller, () => {
          if (outcome.ok) resolve(received(caller, outcome.value));
          else reject(outcome.error);
        });
      leave(caller, () => send(caller, home, call, settle));
    });
  }

  function stubOf(name: string): object {
    const get =
      (_: object, method: string | symbol) =>
      (...args: unknown[]) =>
        callOf(homeOf(name), String(method), args);
    return new Proxy({}, { get });
  }

  return {
    homes: homes as ReadonlyMap<string, Home>,
    /** The binding: stubs whose every method is a call. */
    namespace: { ...ids, getByName: stubOf, get: ({ name }: ObjectId) => stubOf(name) },
    deliver,
    evictIdle(): void {
      for (const home of homes.values()) evict(simulation, home);
    },
  };
}

/** No caller repeats the same call without a pause, whatever the answer. */
function checkCallRate({ clock, reportViolation }: Simulation, caller: Process, label: string): void {
  const known = caller.calls.get(label);
  const recent = known && clock.now() - known.since < 1_000 ? known : { since: clock.now(), count: 0 };
  recent.count += 1;
  caller.calls.set(label, recent);
  if (recent.count === CALLS_PER_SECOND_MAX)
    reportViolation(
      "no caller repeats a call without a pause",
      `${caller.name} made ${recent.count} calls in a second: ${label}`,
    );
}

/** Runs the method, unless this object still runs code that does not know it yet. */
async function perform(
  simulation: Simulation,
  home: Home,
  instance: Methods,
  { method, args }: Call,
): Promise<unknown> {
  const { clock, faults, random } = simulation;
  if (faults.occurs("oldCode")) home.unknownUntil.set(method, clock.now() + random.between(1, OLD_CODE_MS));
  const known = instance[method];
  if (!known || (home.unknownUntil.get(method) ?? 0) > clock.now())
    throw new TypeError(`The RPC receiver does not implement the method "${method}".`);
  return known.apply(instance, args as never[]);
}

function requestOf([url]: readonly unknown[]): { url: string } {
  return { url: String(url) };
}

/** An error that the platform marks as worth a retry. */
function passing(message: string): Error {
  return Object.assign(new Error(message), { retryable: true });
}

/** Of an exception only its text crosses to the caller. */
function plain(error: unknown): Error {
  return new Error(error instanceof Error ? error.message : String(error));
}

/** What arrives at the caller: a copy, or the answer to an upgrade with the caller's end of the socket. */
function received(caller: Process, value: unknown): unknown {
  if (!(value instanceof HttpAnswer)) return copy(value);
  value.webSocket?.belongTo(caller);
  return value;
}

/** No caller is left for this answer: a socket in it has no other end. */
function discard(outcome: Outcome): void {
  if (outcome.ok && outcome.value instanceof HttpAnswer) outcome.value.webSocket?.breakOff();
}
