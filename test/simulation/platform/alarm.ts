/**
 * The one alarm of an object: rings at least once, maybe late or again, is retried six times, and then given up. Like
 * workerd it waits until the object's own clock has reached the time.
 */

import type { Simulation } from "./simulation.ts";
import type { Durable } from "./storage.ts";

const RETRIES_MAX = 6;
const RETRY_MS = 2_000;

/** An alarm that comes while the handler of the one before still runs waits so long. */
const ONE_AT_A_TIME_MS = 100;

/** What the alarm needs of its object. */
type AlarmHost = {
  /** What the object's own clock shows; brings it into memory. */
  now: () => number;
  /** Lets its handler run; `settle` is told whether it went through. */
  fire: (settle: (isDone: boolean) => void) => void;
  /** Whether the service promises to make up for losing the alarm just now. */
  mayBeLost: () => boolean;
};

/** The alarm that `durable` says. `label` names the object in the trace. */
export function openAlarm(simulation: Simulation, label: string, durable: Durable, host: AlarmHost) {
  const { clock, faults, random } = simulation;
  let callOff: (() => void) | null = null;
  let armedAt: number | null = null;
  let firing: number | null = null;
  let isLost = false;

  /** Follows what is stored, after every commit. */
  function arm(): void {
    if (durable.alarm === armedAt) return;
    callOff?.();
    callOff = null;
    armedAt = durable.alarm;
    if (armedAt === null) return;
    isLost = false;
    plan(Math.max(0, armedAt - clock.now()) + latenessMs(), 0);
  }

  function latenessMs(): number {
    return faults.occurs("alarmLate") ? random.spread(1_000, 15 * 60_000) : random.between(1, 40);
  }

  function plan(delayMs: number, tries: number): void {
    callOff = clock.schedule(delayMs, `${label} alarm`, () => go(tries));
  }

  function go(tries: number): void {
    callOff = null;
    const at = durable.alarm;
    if (at === null) return;
    if (firing !== null) {
      plan(ONE_AT_A_TIME_MS, tries);
      return;
    }
    const earlyMs = at - host.now();
    if (earlyMs > 0) {
      plan(earlyMs, tries);
      return;
    }
    if (faults.occurs("alarmLost") && host.mayBeLost()) {
      giveUp();
      return;
    }
    host.fire((isDone) => {
      firing = null;
      if (durable.alarm !== null) return;
      armedAt = null;
      if (isDone && !faults.occurs("alarmTwice")) return;
      if (!isDone && tries === RETRIES_MAX) {
        giveUp();
        return;
      }
      durable.alarm = at;
      armedAt = at;
      plan(RETRY_MS * 2 ** tries, tries + 1);
    });
  }

  function giveUp(): void {
    simulation.note(`${label} alarm lost`);
    durable.alarm = null;
    armedAt = null;
    isLost = true;
  }

  return {
    arm,
    /** Called when its handler begins: from here on no alarm is set, unless the handler sets one. */
    begin(): void {
      firing = durable.alarm;
      durable.alarm = null;
      armedAt = null;
    },
    isFiring: () => firing !== null,
    /** Whether the platform gave it up and no other has been set since. */
    isLost: () => isLost,
  };
}
