/** What the HTTP side keeps with a request while it answers it. */

import type { Env } from "../env.ts";
import type { Tenant } from "../rpc/tenant.ts";
import type { KeyHolder } from "../tenants/credentials.ts";
import type { Token } from "../tenants/tokens.ts";

/** Who sends the request. A root key has no tenant: then `tenant` is empty and `state` null. */
export type Caller = Omit<KeyHolder, "tenant"> & {
  tenant: string;
  state: Tenant | null;
  /** The token that stands in for a key; it has no scope. */
  token: Token | null;
};

export type AppEnv = {
  Bindings: Env;
  Variables: {
    /** A UUID (RFC 9562): the Request-Id header, and as `urn:uuid:…` the `instance` of a problem. */
    requestId: string;
    /** W3C Trace Context of this request, with our own span as parent. */
    traceparent: string;
    tracestate: string | null;
    /** Whose key it is; set on every route that needs one. */
    caller: Caller;
  };
};
