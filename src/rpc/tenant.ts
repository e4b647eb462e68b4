/** The calls of a tenant's object. It has the tenant's settings and keys, and knows what the tenant uses. */

import type { IndexLayout } from "../core/job.ts";
import type { Env } from "../env.ts";
import type { TypeDefinition } from "../submission/declaration.ts";
import { tenantObject } from "./location.ts";

/** What a tenant's key may allow. Root keys have `admin` alone. */
export const tenantScopes = [
  "jobs:read",
  "jobs:write",
  "jobs:work",
  "files:write",
  "types:write",
  "queues:write",
  "keys:write",
] as const;
export type TenantScope = (typeof tenantScopes)[number];
export type Scope = TenantScope | "admin";

/** What a tenant may use, by default. Bytes and counts. */
export const defaultLimits = {
  unfinished_jobs: 100_000,
  stored_jobs: 5_000_000,
  stored_bytes: 1024 ** 4,
  datasets: 1_000,
  open_uploads: 100,
  keys: 100,
  job_types: 200,
  queues: 200,
};
export type LimitName = keyof typeof defaultLimits;
export type TenantLimits = Record<LimitName, number>;

/** What an operator sets. Durations are milliseconds. */
export type TenantSettings = {
  name: string | null;
  weight: number;
  disabled: boolean;
  limits: TenantLimits;
  /** Replaces the retention of every job type; null for none. */
  retentionMs: number | null;
  fileRetentionMs: number;
  index: IndexLayout;
};

/** Which secret signs webhooks. Until `previousExpiresAt` (epoch milliseconds) that of the generation before signs, too. */
export type WebhookGeneration = { generation: number; previousExpiresAt: number | null };

/** A tenant as its object has it; `createdAt` is epoch milliseconds. */
export type Tenant = {
  id: string;
  settings: TenantSettings;
  status: "active" | "disabled" | "erasing";
  createdAt: number;
  version: number;
  webhook: WebhookGeneration;
};

/** A key without its secret. `hash` is the SHA-256 of the key; times are epoch milliseconds, `lastUsedOn` a UTC date. */
export type KeyRecord = {
  id: string;
  hash: string;
  name: string;
  scopes: TenantScope[];
  createdAt: number;
  expiresAt: number | null;
  lastUsedOn: string | null;
};

export type NewKey = Pick<KeyRecord, "id" | "hash" | "name" | "scopes" | "expiresAt">;

/** A job type that the tenant declared, as it was written, defaults filled in. */
export type DeclaredType = { type: string; definition: TypeDefinition; version: number };

export type PutTypeAnswer =
  | { kind: "created" | "replaced"; declared: DeclaredType }
  | { kind: "version_mismatch" | "not_found" }
  | ({ kind: "quota_exceeded" } & Count);

export type AddQueueAnswer = { kind: "added" | "known" } | ({ kind: "quota_exceeded" } & Count);

/** How much of a quota is used. */
export type Count = { allowed: number; used: number };

/** What is needed to answer a request of the tenant: both null if there is no such tenant, or no such key. */
export type LookUp = { tenant: Tenant | null; key: KeyRecord | null; used: TenantLimits };

export type PutTenantAnswer =
  | { kind: "created" | "replaced"; tenant: Tenant }
  | { kind: "version_mismatch" | "erasing" };

export type AddKeyAnswer =
  | { kind: "added"; key: KeyRecord }
  | { kind: "not_found" }
  | ({ kind: "quota_exceeded" } & Count);

export type TenantApi = {
  /** The tenant, one of its keys, and what it uses. With a date, notes that the key was used then: a row a day. */
  lookUp(keyId: string | null, usedOn: string | null): Promise<LookUp>;
  /** Creates or replaces the tenant. `ifVersion` as in `If-Match`; null allows any. */
  put(id: string, settings: TenantSettings, ifVersion: number[] | null): Promise<PutTenantAnswer>;
  /** Begins to erase all that the tenant has; false if there is none. May be repeated. */
  erase(ifVersion: number[] | null): Promise<"erasing" | "not_found" | "version_mismatch">;

  keys(): Promise<KeyRecord[]>;
  addKey(key: NewKey): Promise<AddKeyAnswer>;
  /** Adds a key with the name and scopes of that one, which expires after the overlap. */
  rotateKey(
    id: string,
    successor: Pick<NewKey, "id" | "hash" | "expiresAt">,
    overlapMs: number,
  ): Promise<AddKeyAnswer>;
  /** False if there was none. */
  deleteKey(id: string): Promise<boolean>;

  jobTypes(): Promise<DeclaredType[]>;
  jobType(type: string): Promise<DeclaredType | null>;
  putJobType(type: string, definition: TypeDefinition, ifVersion: number[] | null): Promise<PutTypeAnswer>;
  deleteJobType(
    type: string,
    ifVersion: number[] | null,
  ): Promise<"deleted" | "not_found" | "version_mismatch">;

  /** The queues that the tenant declared, by name. */
  queues(): Promise<string[]>;
  addQueue(name: string): Promise<AddQueueAnswer>;
  removeQueue(name: string): Promise<boolean>;

  /** Makes a new webhook secret; that before also signs for the overlap. */
  rotateWebhookSecret(overlapMs: number): Promise<WebhookGeneration | null>;
};

/** A fresh stub of the tenant's object. */
export function tenantApi(env: Env, tenant: string): TenantApi {
  return tenantObject(env, "TENANTS", tenant) as unknown as TenantApi;
}
