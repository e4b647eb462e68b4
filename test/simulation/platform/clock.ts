/**
 * The simulated time, and everything that is yet to happen in it. Whatever the simulated platform lets a caller wait
 * for is an event here; events of the same time come in an order that the seed decides. Between two events all code
 * runs on until it waits for another event.
 */

import type { Random } from "./random.ts";

type Event = { at: number; order: number; label: string; act: () => void; isCancelled: boolean };

export type Clock = ReturnType<typeof openClock>;

/** Called with every event before it happens. */
export type Listener = (at: number, label: string) => void;

/** A clock that shows `startAt` (epoch milliseconds) and has nothing to do. */
export function openClock(startAt: number, random: Random, listen: Listener) {
  const heap: Event[] = [];
  let now = startAt;
  let happened = 0;

  function push(event: Event): void {
    let index = heap.push(event) - 1;
    for (let parent = (index - 1) >> 1; index > 0; parent = (index - 1) >> 1) {
      if (!isBefore(event, heap[parent])) break;
      heap[index] = heap[parent] as Event;
      index = parent;
    }
    heap[index] = event;
  }

  function pop(): Event | undefined {
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (isBefore(heap[child + 1], heap[child] as Event)) child += 1;
      if (!isBefore(heap[child], last)) break;
      heap[index] = heap[child] as Event;
      index = child;
    }
    heap[index] = last;
    return first;
  }

  return {
    /** True time in epoch milliseconds; what a process takes for the time may differ. */
    now: () => now,
    /** How many events have happened. */
    happened: () => happened,

    /** Lets `act` happen in `delayMs`; the answer calls it off. */
    schedule(delayMs: number, label: string, act: () => void): () => void {
      const at = now + Math.max(0, Math.ceil(delayMs));
      const event: Event = { at, order: random.next(), label, act, isCancelled: false };
      push(event);
      return () => {
        event.isCancelled = true;
      };
    },

    /** Lets all code run until it waits for an event; to be called after some was begun from outside. */
    settle: quiescence,

    /** Lets the next event happen and all code run until it waits again; false, at that time, if there is none until `untilAt`. */
    async step(untilAt: number): Promise<boolean> {
      for (;;) {
        const first = heap[0];
        if (!first || first.at > untilAt) {
          now = Math.max(now, untilAt);
          return false;
        }
        pop();
        if (first.isCancelled) continue;
        now = first.at;
        happened += 1;
        listen(now, first.label);
        first.act();
        await quiescence();
        return true;
      }
    },
  };
}

function isBefore(one: Event | undefined, other: Event | undefined): boolean {
  if (!one || !other) return false;
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

/** Resolves when no microtask is left: nothing in a simulated world waits for anything but an event. */
function quiescence(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
