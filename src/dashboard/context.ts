/** The Hono context of a signed-in person. */

import type { AppEnv } from "../api/app-env.ts";
import type { ApiClient } from "./api.ts";

/** Who is signed in, as the API said of the key. */
export type Person = {
  keyId: string;
  keyName: string;
  tenant: string;
  /** These only decide what is shown: what a key may do, the API decides. */
  mayWrite: boolean;
  mayManageKeys: boolean;
};

export type Session = Person & { id: string; key: string };

export type DashboardEnv = {
  Bindings: AppEnv["Bindings"];
  /** Set on every route that needs a session; before signing in and while signing out there is none. */
  Variables: AppEnv["Variables"] & { session: Session; api: ApiClient };
};
