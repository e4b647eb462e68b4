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
