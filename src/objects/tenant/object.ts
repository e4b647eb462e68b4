/**
 * The object of one tenant: its settings and its keys. Isolates keep what they look up for five seconds, so a change
 * takes effect everywhere within that time.
 */

import { DurableObject } from "cloudflare:workers";
import { DAY, MINUTE } from "../../core/time.ts";
import type { Env } from "../../env.ts";
import { openAlarm } from "../../lib/alarm.ts";
import { log } from "../../lib/log.ts";
import { now } from "../../lib/runtime.ts";
import type {
  AddKeyAnswer,
  AddQueueAnswer,
  DeclaredType,
  KeyRecord,
  LimitName,
  LookUp,
  NewKey,
  PutTenantAnswer,
  PutTypeAnswer,
  Tenant,
  TenantApi,
  TenantSettings,
  WebhookGeneration,
} from "../../rpc/tenant.ts";
import { tenantDirectory } from "../../rpc/tenant-directory.ts";
import type { TypeDefinition } from "../../submission/declaration.ts";
import { eraseStep } from "./erase.ts";
import { TenantStore } from "./store.ts";
import { openUsage } from "./usage.ts";

/** An expired key stays listed for so long. */
const EXPIRED_KEPT_MS = DAY;

const ERASE_RETRY_MS = MINUTE;

/** After the last job was found, the tenant's isolates and its jobs' alarms have so long to bring another one up. */
const ERASE_QUIET_MS = 3 * MINUTE;

const EMPTY_SINCE_KEY = "empty_since";

export class TenantObject extends DurableObject<Env> implements TenantApi {
  readonly #store = new TenantStore(this.ctx.storage);
  readonly #alarm = openAlarm(this.ctx);
  readonly #usage = openUsage(this.ctx, this.env);

  async lookUp(keyId: string | null, usedOn: string | null): Promise<LookUp> {
    const { tenant } = this.#store;
    const key = keyId === null ? null : this.#store.key(keyId);
    if (tenant === null) return { tenant, key: null, used: this.#usage.none() };
    if (key && isValid(key) && usedOn !== null && key.lastUsedOn !== usedOn) {
      key.lastUsedOn = usedOn;
      this.#store.saveKey(key);
    }
    return { tenant, key, used: await this.#usage.of(tenant.id, this.#ownCounts()) };
  }

  async put(id: string, settings: TenantSettings, ifVersion: number[] | null): Promise<PutTenantAnswer> {
    const known = this.#store.tenant;
    if (known?.status === "erasing") return { kind: "erasing" };
    if (ifVersion !== null && !(known && ifVersion.includes(known.version)))
      return { kind: "version_mismatch" };
    const tenant: Tenant = {
      id,
      settings,
      status: settings.disabled ? "disabled" : "active",
      createdAt: known?.createdAt ?? now(),
      version: (known?.version ?? 0) + 1,
      webhook: known?.webhook ?? { generation: 1, previousExpiresAt: null },
    };
    this.#store.save(tenant);
    return { kind: known ? "replaced" : "created", tenant };
  }

  async erase(ifVersion: number[] | null): Promise<"erasing" | "not_found" | "version_mismatch"> {
    const { tenant } = this.#store;
    if (tenant === null) return "not_found";
    if (ifVersion !== null && !ifVersion.includes(tenant.version)) return "version_mismatch";
    if (tenant.status === "erasing") return "erasing";
    this.#store.save({ ...tenant, status: "erasing", version: tenant.version + 1 });
    for (const { id } of this.#store.keys()) this.#store.deleteKey(id);
    this.#alarm.set(now() + 1);
    return "erasing";
  }

  async keys(): Promise<KeyRecord[]> {
    return this.#store.keys();
  }

  async addKey(key: NewKey): Promise<AddKeyAnswer> {
    const { tenant } = this.#store;
    if (tenant === null || tenant.status === "erasing") return { kind: "not_found" };
    for (const { id, expiresAt } of this.#store.keys())
      if (expiresAt !== null && expiresAt + EXPIRED_KEPT_MS <= now()) this.#store.deleteKey(id);
    const allowed = tenant.settings.limits.keys;
    const used = this.#unexpired().length;
    if (used >= allowed) return { kind: "quota_exceeded", allowed, used };
    const record = { ...key, createdAt: now(), lastUsedOn: null };
    this.#store.saveKey(record);
    return { kind: "added", key: record };
  }

  async rotateKey(
    id: string,
    successor: Pick<NewKey, "id" | "hash" | "expiresAt">,
    overlapMs: number,
  ): Promise<AddKeyAnswer> {
    const old = this.#store.key(id);
    if (!old) return { kind: "not_found" };
    const { name, scopes } = old;
    const added = await this.addKey({ ...successor, name, scopes });
    const endsAt = Math.min(old.expiresAt ?? Number.POSITIVE_INFINITY, now() + overlapMs);
    if (added.kind === "added") this.#store.saveKey({ ...old, expiresAt: endsAt });
    return added;
  }

  async deleteKey(id: string): Promise<boolean> {
    return this.#store.deleteKey(id);
  }

  async jobTypes(): Promise<DeclaredType[]> {
    return this.#store.jobTypes();
  }

  async jobType(type: string): Promise<DeclaredType | null> {
    return this.#store.jobType(type);
  }

  async putJobType(
    type: string,
    definition: TypeDefinition,
    ifVersion: number[] | null,
  ): Promise<PutTypeAnswer> {
    const known = this.#store.jobType(type);
    if (ifVersion !== null && !(known && ifVersion.includes(known.version)))
      return { kind: "version_mismatch" };
    const allowed = this.#allowed("job_types");
    if (allowed === null) return { kind: "not_found" };
    const used = this.#store.jobTypes().length;
    if (!known && used >= allowed) return { kind: "quota_exceeded", allowed, used };
    const declared = { type, definition, version: (known?.version ?? 0) + 1 };
    this.#store.saveJobType(declared);
    return { kind: known ? "replaced" : "created", declared };
  }

  async deleteJobType(
    type: string,
    ifVersion: number[] | null,
  ): Promise<"deleted" | "not_found" | "version_mismatch"> {
    const known = this.#store.jobType(type);
    if (!known) return "not_found";
    if (ifVersion !== null && !ifVersion.includes(known.version)) return "version_mismatch";
    this.#store.deleteJobType(type);
    return "deleted";
  }

  async queues(): Promise<string[]> {
    return this.#store.queues();
  }

  async addQueue(name: string): Promise<AddQueueAnswer> {
    const names = this.#store.queues();
    if (names.includes(name)) return { kind: "known" };
    const allowed = this.#allowed("queues") ?? 0;
    if (names.length >= allowed) return { kind: "quota_exceeded", allowed, used: names.length };
    this.#store.saveQueue(name);
    return { kind: "added" };
  }

  async removeQueue(name: string): Promise<boolean> {
    return this.#store.deleteQueue(name);
  }

  async rotateWebhookSecret(overlapMs: number): Promise<WebhookGeneration | null> {
    const { tenant } = this.#store;
    if (tenant === null) return null;
    const previousExpiresAt = overlapMs === 0 ? null : now() + overlapMs;
    const webhook = { generation: tenant.webhook.generation + 1, previousExpiresAt };
    this.#store.save({ ...tenant, webhook });
    return webhook;
  }

  /** Never throws: an alarm that fails six times is lost, and with it the erasing. */
  override async alarm(): Promise<void> {
    this.#alarm.clear();
    const { tenant } = this.#store;
    if (tenant?.status !== "erasing") return;
    this.#alarm.set(now() + ERASE_RETRY_MS);
    try {
      await this.#erase(tenant.id);
    } catch (error) {
      log("warn", "erase_failed", { tenant: tenant.id, error });
    }
  }

  /** One step of erasing. What the tenant had is gone when for a while no step has found anything. */
  async #erase(tenant: string): Promise<void> {
    const { kv } = this.ctx.storage;
    if ((await eraseStep(this.env, tenant, this.#store.allQueues())) === "more") {
      kv.delete(EMPTY_SINCE_KEY);
      return this.#alarm.set(now() + 1);
    }
    const emptySince = kv.get<number>(EMPTY_SINCE_KEY);
    if (emptySince === undefined) kv.put(EMPTY_SINCE_KEY, now());
    if (emptySince === undefined || now() < emptySince + ERASE_QUIET_MS) return;
    await tenantDirectory(this.env).remove(tenant);
    log("info", "tenant_erased", { tenant });
    await this.ctx.blockConcurrencyWhile(async () => {
      this.#alarm.clear();
      await this.ctx.storage.deleteAll();
    });
  }

  #ownCounts() {
    const { length: keys } = this.#unexpired();
    const { length: job_types } = this.#store.jobTypes();
    return { keys, job_types, queues: this.#store.queues().length };
  }

  /** Null if the tenant does not exist, or is being erased. */
  #allowed(limit: LimitName): number | null {
    const { tenant } = this.#store;
    return tenant === null || tenant.status === "erasing" ? null : tenant.settings.limits[limit];
  }

  #unexpired(): KeyRecord[] {
    return this.#store.keys().filter(isValid);
  }
}

function isValid({ expiresAt }: KeyRecord): boolean {
  return expiresAt === null || expiresAt > now();
}
