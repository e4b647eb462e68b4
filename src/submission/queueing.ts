/** The queue that a submission enters, and its place in it. */

import type { JobQueue } from "../core/job.ts";
import type { FieldError } from "./field-errors.ts";
import type { SubmitRequest } from "./request.ts";
import type { SubmittableType } from "./type.ts";

type AskedQueue = Pick<SubmitRequest, "queue" | "priority" | "concurrency_key">;

export type QueueReading = { queue: JobQueue | null; errors: FieldError[] };

type QueueContext = {
  type: SubmittableType;
  /** The key that the type derives from the input, if it does. */
  derivedKey: string | null;
  weight: number;
  /** Whether the tenant has declared the queue. */
  hasQueue: (name: string) => Promise<boolean>;
};

/** The queue of the type, else the one that the request names. */
export async function readQueue(
  { queue, priority = 0, concurrency_key }: AskedQueue,
  { type, derivedKey, weight, hasQueue }: QueueContext,
): Promise<QueueReading> {
  const errors: FieldError[] = [];
  const refuse = (field: string, detail: string) => errors.push({ pointer: `#/${field}`, detail });
  const isNamed = queue !== undefined && queue !== type.queue?.name;
  if (isNamed && type.queue) refuse("queue", `Jobs of this type are in the queue ${type.queue.name}.`);
  else if (isNamed && !(await hasQueue(queue)))
    refuse("queue", "There is no such queue. Declare it with PUT /v1/queues/{queue}.");
  const found = type.queue ?? (queue === undefined ? null : { name: queue, scope: "tenant" as const });
  if (concurrency_key !== undefined && type.derivesConcurrencyKey)
    refuse("concurrency_key", "The type derives it from the input.");
  if (!found && priority !== 0) refuse("priority", "Only a job in a queue has a priority.");
  if (!found && concurrency_key !== undefined)
    refuse("concurrency_key", "Only a job in a queue has such a key.");
  const wakeUrl = type.worker?.wake?.url ?? null;
  const key = type.derivesConcurrencyKey ? derivedKey : (concurrency_key ?? null);
  return { queue: found && { ...found, key, priority, weight, wakeUrl }, errors };
}
