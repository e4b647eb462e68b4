/** What every part of the simulated platform works with: time, chance, faults, and where to say what happened. */

import type { Faults } from "../faults.ts";
import type { Clock } from "./clock.ts";
import { makeProcess, type Process } from "./process.ts";
import type { Random } from "./random.ts";

export type World = {
  clock: Clock;
  random: Random;
  faults: Faults;
  /** Writes down what happened, for the trace. */
  note: (what: string) => void;
  /** Says that a promise was broken, and how. */
  accuse: (promise: string, how: string) => void;
  /** Everyone who lives, in the order of their birth. */
  living: Set<Process>;
};

/** A new process whose clock is as wrong as this world's clocks are. */
export function bear(world: World, kind: Process["kind"], name: string): Process {
  const born = makeProcess(kind, name, world.faults.skewMs());
  world.living.add(born);
  born.atDeath.add(() => world.living.delete(born));
  return born;
}

/** How long a call or an answer is on its way, milliseconds. */
export function travelMs({ random, faults }: World): number {
  return faults.strikes("callSlow") ? random.spread(100, 30_000) : random.between(0, 5);
}

/** Lets something reach a process: at once, or when it no longer stands still. Nothing reaches the dead. */
export function reach(world: World, process: Process, act: () => void): void {
  const { clock } = world;
  if (process.isDead) return;
  const frozenMs = process.frozenUntil - clock.now();
  if (frozenMs > 0) clock.schedule(frozenMs, `${process.name} goes on`, () => reach(world, process, act));
  else act();
}
