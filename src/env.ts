/** Bindings and variables: what wrangler.toml promises, and the variables parsed once per isolate. */

import { z } from "zod";
import type { TargetRules } from "./lib/target.ts";
import type { DeliveryMessage, JobMessage, WakeMessage } from "./transport/message.ts";
import type { JobQueueBinding } from "./transport/queues.ts";

/** The queues of job messages, by their bindings. */
type JobQueues = Record<JobQueueBinding, Queue<JobMessage>>;

export type Env = JobQueues & {
  JOBS: DurableObjectNamespace;
  UNIQUE_KEYS: DurableObjectNamespace;
  JOB_INDEXES: DurableObjectNamespace;
  TENANTS: DurableObjectNamespace;
  TENANT_DIRECTORY: DurableObjectNamespace;
  INDEX_DIRECTORIES: DurableObjectNamespace;
  SESSIONS: DurableObjectNamespace;
  FILE_RECORDS: DurableObjectNamespace;
  DATASETS: DurableObjectNamespace;
  QUEUES: DurableObjectNamespace;
  DELIVERY_QUEUE: Queue<DeliveryMessage | WakeMessage>;
  FILES: R2Bucket;
  KEY_LIMITER: RateLimit;
  ADDRESS_LIMITER: RateLimit;
  /** Optional: where the numbers of every finished job go. */
  METRICS?: AnalyticsEngineDataset;
  /** Secret: keys and tokens are signed with it, so that a forged one is refused without a look-up. */
  SIGNING_SECRET: string;
  /** Secret: the SHA-256 of each root key, in hexadecimal, separated by blanks. Without it there is none. */
  ADMIN_KEYS?: string;
  /** Secret that the tenants' webhook secrets are derived from. Without it no webhook is accepted. */
  WEBHOOK_SECRET?: string;
  /** The secret before a rotation: while it is set, deliveries carry both signatures. */
  WEBHOOK_SECRET_PREVIOUS?: string;
  LEASE_MS: string;
  DISPATCH_TIMEOUT_MS: string;
  LOCAL_QUEUE: string;
  ALLOW_LOCALHOST_URLS: string;
  OWN_HOSTS: string;
  JURISDICTION: string;
  LOCATION_HINTS: string;
};

const flag = z.enum(["true", "false"]).transform((text) => text === "true");
const milliseconds = z.coerce.number().int().min(100);

/** The words of a list, separated by blanks or commas. */
const words = (text: string) => text.split(/[\s,]+/).filter(Boolean);

/** `acme=weur`: a tenant, or `*` for all others, and where its objects are made. */
const LOCATION = /^(\*|[a-z0-9][a-z0-9-]{0,31})=(wnam|enam|sam|weur|eeur|apac|oc|afr|me)$/;
const toHints = (pairs: string[]) =>
  new Map(pairs.map((pair) => pair.split("=") as [string, DurableObjectLocationHint]));

/** Shorter ones can be guessed. */
const secret = z.string().min(32);
/** An empty one is none. */
const optionalSecret = z.union([z.literal(""), secret]).optional();

const Settings = z.object({
  SIGNING_SECRET: secret,
  ADMIN_KEYS: z
    .string()
    .default("")
    .transform(words)
    .pipe(z.array(z.string().regex(/^[0-9a-f]{64}$/))),
  WEBHOOK_SECRET: optionalSecret,
  WEBHOOK_SECRET_PREVIOUS: optionalSecret,
  LEASE_MS: milliseconds,
  DISPATCH_TIMEOUT_MS: milliseconds,
  LOCAL_QUEUE: flag,
  ALLOW_LOCALHOST_URLS: flag,
  OWN_HOSTS: z.string().transform(words),
  JURISDICTION: z.enum(["", "eu", "fedramp"]),
  LOCATION_HINTS: z
    .string()
    .transform(words)
    .pipe(z.array(z.string().regex(LOCATION)))
    .transform(toHints),
});
export type Settings = z.infer<typeof Settings>;

const settingsByEnv = new WeakMap<Env, Settings>();

/** The validated variables of `env`. Throws and names the errors if the deployment is misconfigured. */
export function settings(env: Env): Settings {
  let known = settingsByEnv.get(env);
  if (!known) {
    known = Settings.parse(env);
    settingsByEnv.set(env, known);
  }
  return known;
}

/** What jobs and webhooks may call. `host` is the one a request came in by, which need not be listed. */
export function targetRules(env: Env, host: string | null = null): TargetRules {
  const { ALLOW_LOCALHOST_URLS, OWN_HOSTS } = settings(env);
  return { allowLocal: ALLOW_LOCALHOST_URLS, ownHosts: host === null ? OWN_HOSTS : [...OWN_HOSTS, host] };
}
