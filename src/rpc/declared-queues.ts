/** The queues that the deployment's code declares, for types that name them. */

import type { QueueLimits } from "../core/queue.ts";

const declared = new Map<string, Partial<QueueLimits>>();

/** Called once, before any object is used. All tenants share these queues. */
export function declareQueues(queues: Record<string, Partial<QueueLimits>>): void {
  for (const [name, limits] of Object.entries(queues)) declared.set(name, limits);
}

/** The limits of a queue of the deployment; null if there is no such queue. */
export function declaredQueue(name: string): Partial<QueueLimits> | null {
  return declared.get(name) ?? null;
}

/** The names of all queues of the deployment. */
export function declaredQueues(): string[] {
  return [...declared.keys()];
}
