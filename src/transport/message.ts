/** Queue messages. They only trigger work; the job object decides whether it is due. */

import { z } from "zod";

export const JobMessage = z.strictObject({
  tenant: z.string(),
  jobId: z.string(),
  attempt: z.int().positive(),
  continuation: z.int().nonnegative(),
});
export type JobMessage = z.infer<typeof JobMessage>;

/** The due attempt of a webhook delivery. */
export const DeliveryMessage = z.strictObject({
  tenant: z.string(),
  jobId: z.string(),
  deliveryId: z.string(),
  attempt: z.int().positive(),
});
export type DeliveryMessage = z.infer<typeof DeliveryMessage>;

/** Jobs of these types wait in a queue, so many in all, and no worker asks for them: the fleet behind `url` is called. */
export const WakeMessage = z.strictObject({
  tenant: z.string(),
  queue: z.string(),
  types: z.array(z.string()),
  waiting: z.int(),
  url: z.string(),
});
export type WakeMessage = z.infer<typeof WakeMessage>;
