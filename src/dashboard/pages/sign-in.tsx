/** Signing in with an API key, and out. The key is typed into a form, checked by the API, and kept in the cookie. */

import { type Context, Hono } from "hono";
import { htmlOf } from "../../site/layout.tsx";
import { ApiError, createApiClient, type Service } from "../api.ts";
import { Shell } from "../components/shell.tsx";
import type { DashboardEnv, Person } from "../context.ts";
import { readSimpleForm } from "../form/simple.ts";
import { beginSession, endSession, ROOT, safeReturn } from "../session.ts";

type SignInProps = { returnTo: string; error?: string | undefined; note?: string | undefined };

/** `GET` and `POST /sign-in`, `POST /sign-out`. */
export function signInRoutes(service: Service) {
  const routes = new Hono<DashboardEnv>();

  routes.get("/sign-in", (c) => {
    const returnTo = safeReturn(c.req.query("return_to") ?? null, c.req.url);
    const isOver = c.req.query("why") === "over";
    const note = isOver
      ? "Your session is over, or the key is no longer valid. Please sign in again."
      : undefined;
    return answer(c, { returnTo, note }, 200);
  });

  routes.post("/sign-in", async (c) => {
    const form = await readSimpleForm(c.req.raw);
    const returnTo = safeReturn(form.get("return_to"), c.req.url);
    const key = form.get("key")?.trim() ?? "";
    if (!/^[\w\-.~+/]+=*$/.test(key))
      return answer(c, { returnTo, error: "This is not an API key. Keys start with acpt_." }, 422);
    const checked = await check(service, c, key);
    if (!checked.ok) return answer(c, { returnTo, error: checked.error }, 422);
    await beginSession(c, { key, ...checked.person });
    return c.redirect(returnTo, 303);
  });

  routes.post("/sign-out", async (c) => {
    await readSimpleForm(c.req.raw);
    await endSession(c);
    return c.redirect(`${ROOT}/sign-in`, 303);
  });

  return routes;
}

type Checked = { ok: true; person: Person } | { ok: false; error: string };

const NOT_A_READER = "This key may not read jobs. Use one that has the scope jobs:read.";

/** What the API answers about the key. */
async function check(service: Service, c: Context<DashboardEnv>, key: string): Promise<Checked> {
  const api = createApiClient(service, c, key);
  try {
    const { tenant, key: found, scopes } = await api.me();
    if (tenant === null || !scopes.includes("jobs:read")) return { ok: false, error: NOT_A_READER };
    const person = {
      keyId: found.id,
      keyName: found.name ?? "",
      tenant,
      mayWrite: scopes.includes("jobs:write"),
      mayManageKeys: scopes.includes("keys:write"),
    };
    return { ok: true, person };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { ok: false, error: errorOf(error) };
  }
}

function errorOf({ problem, retryAfter }: ApiError): string {
  if (problem.status === 401)
    return "This key is not valid. Check that it was copied whole; it may also have expired.";
  return `${problem.title} ${retryAfter ? `Try again in ${retryAfter} seconds.` : problem.detail}`;
}

async function answer(c: Context<DashboardEnv>, props: SignInProps, status: 200 | 422): Promise<Response> {
  return c.html(await htmlOf(<SignIn {...props} />), status);
}

function SignIn({ returnTo, error, note }: SignInProps) {
  return (
    <Shell title={error ? "Error: sign in" : "Sign in"}>
      <div class="sign-in card">
        <h1>Sign in</h1>
        {note && <p class="notice">{note}</p>}
        <form method="post" action={`${ROOT}/sign-in`}>
          <input type="hidden" name="return_to" value={returnTo} />
          <div class="field">
            <label for="key">API key</label>
            <input
              id="key"
              name="key"
              type="password"
              autocomplete="current-password"
              spellcheck={false}
              required
              autofocus
              aria-describedby={error ? "key-hint key-error" : "key-hint"}
              aria-invalid={error ? "true" : undefined}
            />
            {error && (
              <p id="key-error" class="error" role="alert">
                {error}
              </p>
            )}
            <p id="key-hint" class="hint">
              A key that may read shows everything; one that may also write can act. Locally,{" "}
              <code>npm run -s dev-keys</code> prints them.
            </p>
          </div>
          <button type="submit" class="button primary">
            Sign in
          </button>
        </form>
      </div>
    </Shell>
  );
}
