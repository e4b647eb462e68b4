/**
 * What goes wrong in one world, and how often. Each seed switches some kinds on and leaves others off, for many
 * faults hide each other: a world in which only answers get lost shows what a world of chaos never would.
 */

import type { Random } from "./platform/random.ts";

/** Kinds of faults with the highest rate a world may have of each: per call, message, commit, alarm, event. */
const RATES_MAX = {
  /** A call that never arrives. */
  callLost: 0.2,
  /** A call that took effect and whose answer got lost. */
  answerLost: 0.2,
  /** A call or an answer that takes up to 30 s instead of milliseconds. */
  callSlow: 0.2,
  /** An object that dies with what it wrote since its last wait. */
  crashBeforeCommit: 0.1,
  /** An object that dies after its writes were stored and before anything it said was heard. */
  crashAfterCommit: 0.1,
  /** An object that dies, idle or not. */
  objectKilled: 0.01,
  /** An idle object that leaves memory and keeps its sockets. */
  objectEvicted: 0.05,
  /** An invocation that dies, with all the runs in it. */
  workerKilled: 0.03,
  /** An invocation that lives on, but reaches nothing for up to three minutes. */
  workerCutOff: 0.02,
  /** An invocation that stands still for up to three minutes, and then goes on as if nothing had been. */
  workerFrozen: 0.02,
  /** A queue that refuses a message, having taken it or not. */
  sendRefused: 0.3,
  messageLost: 0.3,
  messageDoubled: 0.3,
  /** A message that comes up to half an hour late. */
  messageLate: 0.2,
  /** Up to 15 minutes late. */
  alarmLate: 0.3,
  /** An alarm that rings once more though all went well. */
  alarmTwice: 0.3,
  /** An alarm that the platform gave up after six failures. */
  alarmLost: 0.1,
  /** A socket that breaks. */
  socketBroken: 0.05,
  /** The bucket that answers with an error, having done what it was asked to or not. */
  storeFailed: 0.3,
  /** A partition of the job index that is full for a while: it stores nothing new. */
  indexFull: 0.05,
  /** An object that still runs older code: it knows fewer calls, and answers some without all fields. */
  oldCode: 0.1,
} as const;

export type FaultKind = keyof typeof RATES_MAX;

export type Faults = ReturnType<typeof openFaults>;

const KINDS = Object.keys(RATES_MAX) as FaultKind[];

/** Clock errors of the processes of a world: none, usual ones, or those of a machine that lost its time server. */
const SKEWS_MS = [0, 0, 100, 3_000];

/** The faults of a world, until they are stopped. */
export function openFaults(random: Random) {
  const rates = new Map<FaultKind, number>();
  for (const kind of KINDS) {
    if (random.chance(0.4)) rates.set(kind, RATES_MAX[kind] * (0.05 + 0.95 * random.next()));
  }
  const skewMsMax = random.pick(SKEWS_MS);
  let isOver = false;

  return {
    /** Whether it goes wrong this time. Asks the seed only for kinds that are on. */
    occurs(kind: FaultKind): boolean {
      const rate = isOver ? undefined : rates.get(kind);
      return rate !== undefined && random.chance(rate);
    },
    isOn: (kind: FaultKind) => rates.has(kind),
    /** The error of a new process's clock, milliseconds; clocks stay wrong after all faults have stopped. */
    skewMs: () => (skewMsMax === 0 ? 0 : random.between(-skewMsMax, skewMsMax)),
    skewMsMax,
    /** From now on nothing goes wrong any more. */
    stop(): void {
      isOver = true;
    },
    /** The kinds that are on, with their rates, for a report. */
    describe(): string {
      const on = [...rates].map(([kind, rate]) => `${kind} ${(100 * rate).toFixed(1)}%`);
      if (skewMsMax > 0) on.push(`clocks ±${skewMsMax} ms`);
      return on.join(", ") || "none";
    },
  };
}
