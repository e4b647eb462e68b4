/** The Hono context of a signed-in person. */

import type { AppEnv } from "../api/app-env.ts";
import type { ApiClient } from "./api.ts";

/** `mayWrite` only decides which buttons are shown: what a key may do, the API decides. */
export type Session = { id: string; key: string; mayWrite: boolean };

export type DashboardEnv = {
  Bindings: AppEnv["Bindings"];
  /** Set on every route that needs a session; before signing in and while signing out there is none. */
  Variables: AppEnv["Variables"] & { session: Session; api: ApiClient };
};
