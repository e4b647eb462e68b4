/** What every part of the simulated platform works with: time, chance, faults, and where to say what happened. */

import type { Faults } from "../faults.ts";
import type { Clock } from "./clock.ts";
import { makeProcess, type Process } from "./process.ts";
import type { Random } from "./random.ts";

export type Simulation = {
  clock: Clock;
  random: Random;
  faults: Faults;
  /** Writes down what happened, for the trace. */
  note: (what: string) => void;
  /** Says that a promise was broken, and how. */
  reportViolation: (invariant: string, message: string) => void;
  /** Everyone who lives, in the order of their birth. */
  processes: Set<Process>;
};

/** A new process whose clock is as wrong as this world's clocks are. */
export function spawn(simulation: Simulation, kind: Process["kind"], name: string): Process {
  const born = makeProcess(kind, name, simulation.faults.skewMs());
  simulation.processes.add(born);
  born.atDeath.add(() => simulation.processes.delete(born));
  return born;
}

/** How long a call or an answer is on its way, milliseconds. */
export function travelMs({ random, faults }: Simulation): number {
  return faults.occurs("callSlow") ? random.spread(100, 30_000) : random.between(0, 5);
}

/** Lets something reach a process: at once, or when it no longer stands still. Nothing reaches the dead. */
export function reach(simulation: Simulation, process: Process, act: () => void): void {
  const { clock } = simulation;
  if (process.isDead) return;
  const frozenMs = process.frozenUntil - clock.now();
  if (frozenMs > 0)
    clock.schedule(frozenMs, `${process.name} goes on`, () => reach(simulation, process, act));
  else act();
}
