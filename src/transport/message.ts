/** What queue messages say: what of which job is due. They are doorbells; the truth is in the job. */

import { z } from "zod";

export const JobMessage = z.strictObject({
  tenant: z.string(),
  jobId: z.string(),
  attempt: z.int().positive(),
  continuation: z.int().nonnegative(),
});
export type JobMessage = z.infer<typeof JobMessage>;

/** The try of a webhook delivery that is due. */
export const DeliveryMessage = z.strictObject({
  tenant: z.string(),
  jobId: z.string(),
  deliveryId: z.string(),
  attempt: z.int().positive(),
});
export type DeliveryMessage = z.infer<typeof DeliveryMessage>;
