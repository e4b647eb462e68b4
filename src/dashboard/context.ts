/** What the dashboard keeps with a request of somebody who is signed in. */

import type { AppEnv } from "../http/app-env.ts";
import type { Api } from "./api.ts";
import type { Session } from "./session.ts";

export type DashboardEnv = {
  Bindings: AppEnv["Bindings"];
  /** Set on every route that needs a session; before signing in and while signing out there is none. */
  Variables: AppEnv["Variables"] & { session: Session; api: Api };
};
