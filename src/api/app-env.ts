/** What the HTTP side keeps with a request while it answers it. */

import type { Env } from "../env.ts";
import type { Scope } from "./middleware/keys.ts";

export type Caller = { tenant: string; scopes: readonly Scope[]; keyId: string };

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
