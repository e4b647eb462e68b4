/** The API of operators, as scripts use it: tenants and their keys. */

export type NewKeyOptions = { name: string; scopes?: string[] | undefined; expires_at?: string | undefined };
export type KeyInfo = {
  id: string;
  name: string;
  scopes: string[];
  created_at: string;
  expires_at: string | null;
  last_used_on: string | null;
};
export type CreatedKey = KeyInfo & { key: string };

type Problem = { title: string; detail: string; errors?: { pointer: string; detail: string }[] };

/** Calls of the service at `url` with a root key. They reject with what its problem says. */
export function openAdmin(url: string, rootKey: string) {
  async function request(method: string, path: string, json?: unknown): Promise<Response> {
    return fetch(`${url.replace(/\/+$/, "")}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${rootKey}`,
        ...(json !== undefined && { "Content-Type": "application/json" }),
      },
      ...(json !== undefined && { body: JSON.stringify(json) }),
    });
  }

  async function call<T>(method: string, path: string, json?: unknown): Promise<T> {
    const answer = await request(method, path, json);
    if (answer.status === 204) return undefined as T;
    const body = (await answer.json()) as { data: T } & Problem;
    if (answer.ok) return body.data;
    const errors = (body.errors ?? []).map(({ pointer, detail }) => `${pointer} ${detail}`);
    throw new Error([`${body.title} ${body.detail}`, ...errors].join("\n"));
  }

  const keysOf = (tenant: string) => `/v1/tenants/${encodeURIComponent(tenant)}/keys`;
  return {
    /** Creates the tenant with default settings, unless there is one of that name. */
    async ensureTenant(tenant: string): Promise<void> {
      const path = `/v1/tenants/${encodeURIComponent(tenant)}`;
      const found = await request("GET", path);
      if (found.status !== 200) await call("PUT", path, {});
    },
    createKey: (tenant: string, options: NewKeyOptions) => call<CreatedKey>("POST", keysOf(tenant), options),
    listKeys: (tenant: string) => call<KeyInfo[]>("GET", keysOf(tenant)),
    rotateKey: (tenant: string, id: string, options: { overlap_ms?: number | undefined }) =>
      call<CreatedKey>("POST", `${keysOf(tenant)}/${id}/rotate`, options),
    revokeKey: (tenant: string, id: string) => call<void>("DELETE", `${keysOf(tenant)}/${id}`),
  };
}
