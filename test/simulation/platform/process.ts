/**
 * Who runs code in a simulated world: clients, invocations of the Worker, lives of an object in memory. Each has its
 * own clock error and dies alone; what a dead one was waiting for never comes.
 */

import { AsyncLocalStorage } from "node:async_hooks";

export type Process = {
  readonly name: string;
  readonly kind: "client" | "worker" | "object";
  /** What its clock shows more than the true time, milliseconds. */
  readonly skewMs: number;
  isDead: boolean;
  /** Until when it reaches nothing; true time, epoch milliseconds. */
  cutOffUntil: number;
  /** Until when it stands still; likewise. */
  frozenUntil: number;
  /** How often it made each call within the second that began then. */
  readonly calls: Map<string, { since: number; count: number }>;
  /** What happens elsewhere when it dies. */
  readonly atDeath: Set<() => void>;
  /** Lets a message leave: at once, or once what was written before it is stored. Null leaves at once. */
  gate: ((send: () => void) => void) | null;
};

/** The call an object is answering, as far as its code is running for it. */
export type Call = { method: string; args: readonly unknown[] };

type Scope = { process: Process; call: Call | null };

const scope = new AsyncLocalStorage<Scope>();

export function makeProcess(kind: Process["kind"], name: string, skewMs: number): Process {
  return {
    kind,
    name,
    skewMs,
    isDead: false,
    cutOffUntil: 0,
    frozenUntil: 0,
    calls: new Map(),
    atDeath: new Set(),
    gate: null,
  };
}

/** Runs `act`, and whatever it goes on to do, as this process. */
export function runAs<T>(process: Process, act: () => T, call: Call | null = null): T {
  return scope.run({ process, call }, act);
}

/** Whose code is running. */
export function runningProcess(): Process {
  const process = scope.getStore()?.process;
  if (!process) throw new Error("No process of the simulation is running.");
  return process;
}

/** The call that the running code answers; null outside of objects. */
export function runningCall(): Call | null {
  return scope.getStore()?.call ?? null;
}

/** Ends a process at once. */
export function kill(process: Process): void {
  if (process.isDead) return;
  process.isDead = true;
  for (const consequence of process.atDeath) consequence();
  process.atDeath.clear();
}

/** Lets a message of the running process leave, as soon as it may; a dead one says nothing more. */
export function leave(process: Process, send: () => void): void {
  if (process.isDead) return;
  if (process.gate) process.gate(send);
  else send();
}
