/** Bindings and variables: what wrangler.toml promises, and the variables parsed once per isolate. */

import { z } from "zod";
import type { JobObject } from "./job/object.ts";
import type { ListingObject } from "./listing/object.ts";
import type { PlaceObject } from "./places/object.ts";
import type { DeliveryMessage, JobMessage } from "./queue/message.ts";

export type Env = {
  JOBS: DurableObjectNamespace<JobObject>;
  PLACES: DurableObjectNamespace<PlaceObject>;
  LISTINGS: DurableObjectNamespace<ListingObject>;
  JOB_QUEUE: Queue<JobMessage>;
  DELIVERY_QUEUE: Queue<DeliveryMessage>;
  FILES: R2Bucket;
  DATA: D1Database;
  KEY_LIMITER: RateLimit;
  /** Optional: where the numbers of every finished job go. */
  METRICS?: AnalyticsEngineDataset;
  /** Secret: a JSON list of hashed keys, see http/keys.ts. Without it nobody is let in. */
  API_KEYS?: string;
  /** Secret that the tenants' webhook secrets are derived from. Without it no webhook is accepted. */
  WEBHOOK_SECRET?: string;
  /** The secret before, while receivers change over: deliveries carry both signatures. */
  WEBHOOK_SECRET_PREVIOUS?: string;
  LEASE_MS: string;
  REDELIVER_MS: string;
  LOCAL_QUEUE: string;
  ALLOW_LOCAL_TARGETS: string;
};

const flag = z.enum(["true", "false"]).transform((text) => text === "true");
const milliseconds = z.coerce.number().int().min(100);

const Settings = z.object({
  LEASE_MS: milliseconds,
  REDELIVER_MS: milliseconds,
  LOCAL_QUEUE: flag,
  ALLOW_LOCAL_TARGETS: flag,
});
export type Settings = z.infer<typeof Settings>;

const parsed = new WeakMap<Env, Settings>();

/** The variables of `env`, checked. Throws with the faults named if the deployment is misconfigured. */
export function settings(env: Env): Settings {
  let known = parsed.get(env);
  if (!known) {
    known = Settings.parse(env);
    parsed.set(env, known);
  }
  return known;
}
