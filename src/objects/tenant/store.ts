/** What a tenant's object stores: the tenant and its keys, one record each. */

import type { DeclaredType, KeyRecord, Tenant } from "../../rpc/tenant.ts";

const TENANT_RECORD = "tenant";
const KEY_PREFIX = "key/";
const TYPE_PREFIX = "type/";
const QUEUE_PREFIX = "queue/";

export class TenantStore {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  get tenant(): Tenant | null {
    return this.#storage.kv.get<Tenant>(TENANT_RECORD) ?? null;
  }

  save(tenant: Tenant): void {
    this.#storage.kv.put(TENANT_RECORD, tenant);
  }

  key(id: string): KeyRecord | null {
    return this.#storage.kv.get<KeyRecord>(KEY_PREFIX + id) ?? null;
  }

  /** All keys, the oldest first. */
  keys(): KeyRecord[] {
    const stored = this.#storage.kv.list<KeyRecord>({ prefix: KEY_PREFIX });
    return Array.from(stored, ([, key]) => key).sort((one, other) => one.createdAt - other.createdAt);
  }

  saveKey(key: KeyRecord): void {
    this.#storage.kv.put(KEY_PREFIX + key.id, key);
  }

  deleteKey(id: string): boolean {
    return this.#storage.kv.delete(KEY_PREFIX + id);
  }

  jobType(type: string): DeclaredType | null {
    return this.#storage.kv.get<DeclaredType>(TYPE_PREFIX + type) ?? null;
  }

  /** All declared types, by name. */
  jobTypes(): DeclaredType[] {
    return Array.from(this.#storage.kv.list<DeclaredType>({ prefix: TYPE_PREFIX }), ([, type]) => type);
  }

  saveJobType(declared: DeclaredType): void {
    this.#storage.kv.put(TYPE_PREFIX + declared.type, declared);
  }

  deleteJobType(type: string): boolean {
    return this.#storage.kv.delete(TYPE_PREFIX + type);
  }

  /** The names of all declared queues, by name. */
  queues(): string[] {
    const stored = this.#storage.kv.list({ prefix: QUEUE_PREFIX });
    return Array.from(stored, ([name]) => name.slice(QUEUE_PREFIX.length));
  }

  /** Also those that only a declared type names: they have an object, too. */
  allQueues(): string[] {
    const named = this.jobTypes().map(({ type, definition }) => definition.queue ?? type);
    return [...new Set([...this.queues(), ...named])];
  }

  saveQueue(name: string): void {
    this.#storage.kv.put(QUEUE_PREFIX + name, true);
  }

  deleteQueue(name: string): boolean {
    return this.#storage.kv.delete(QUEUE_PREFIX + name);
  }
}
