/** How one change of a job is written down: the job after it, the events it tells, the effects it asks for. */

import type { Answer, Decision, Effect, EventBody, Job, JobEvent } from "./job.ts";

export type Step = { job: Job; events: readonly JobEvent[]; effects: readonly Effect[] };

/** Nothing happened: the very same job, so that nothing is stored. */
export function unchanged(job: Job): Step {
  return { job, events: [], effects: [] };
}

/** A change a client can see: one version further. */
export function visibly(job: Job, change: Partial<Job>, now: number): Job {
  return { ...job, ...change, version: job.version + 1, updatedAt: now };
}

/** Numbers the events and counts them in the job, so that both are stored together. */
export function step(
  job: Job,
  now: number,
  bodies: readonly EventBody[],
  effects: readonly Effect[] = [],
): Step {
  const events = bodies.map((body, index) => ({ seq: job.lastSeq + index + 1, at: now, ...body }));
  return { job: events.length ? { ...job, lastSeq: job.lastSeq + events.length } : job, events, effects };
}

/** One step after another. */
export function join(first: Step, second: Step): Step {
  return {
    job: second.job,
    events: [...first.events, ...second.events],
    effects: [...first.effects, ...second.effects],
  };
}

export function answered(answer: Answer, outcome: Step): Decision {
  return { answer, ...outcome };
}
