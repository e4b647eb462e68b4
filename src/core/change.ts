/** A change of a job: the job after it, its events, and the effects to perform. */

import type { Answer, Decision, Effect, EventBody, Job, JobEvent } from "./job.ts";

export type Change = { job: Job; events: readonly JobEvent[]; effects: readonly Effect[] };

/** Nothing happened: the very same job, so that nothing is stored. */
export function noChange(job: Job): Change {
  return { job, events: [], effects: [] };
}

/** A change a client can see: one version further. */
export function bumpVersion(job: Job, change: Partial<Job>, now: number): Job {
  return { ...job, ...change, version: job.version + 1, updatedAt: now };
}

/** Numbers the events and counts them in the job, so that both are stored together. */
export function createChange(
  job: Job,
  now: number,
  bodies: readonly EventBody[],
  effects: readonly Effect[] = [],
): Change {
  const events = bodies.map((body, index) => ({ seq: job.lastSeq + index + 1, at: now, ...body }));
  return { job: events.length ? { ...job, lastSeq: job.lastSeq + events.length } : job, events, effects };
}

/** One step after another. */
export function concat(first: Change, second: Change): Change {
  return {
    job: second.job,
    events: [...first.events, ...second.events],
    effects: [...first.effects, ...second.effects],
  };
}

export function decide(answer: Answer, outcome: Change): Decision {
  return { answer, ...outcome };
}
