/** What a tenant's object stores: the tenant and its keys, one record each. */

import type { KeyRecord, Tenant } from "../../rpc/tenant.ts";

const TENANT_RECORD = "tenant";
const KEY_PREFIX = "key/";

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
}
