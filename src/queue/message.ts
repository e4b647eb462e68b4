/** What a queue message says: which attempt of which job is due. It is a doorbell; the truth is in the job. */

import { z } from "zod";

export const JobMessage = z.strictObject({
  tenant: z.string(),
  jobId: z.string(),
  attempt: z.int().positive(),
  slice: z.int().positive(),
});
export type JobMessage = z.infer<typeof JobMessage>;
