/**
 * Serves everything on this machine: the Worker, its objects, queue, files and database, all embedded.
 * PORT moves it (8787), STATE_DIR moves what it stores (.wrangler/state); LEASE_MS and REDELIVER_MS
 * shorten the service's patience, for tests that cannot wait.
 */

import { localApiKeys } from "./local-keys.ts";
import { runWrangler, wrangler } from "./wrangler.ts";

const port = process.env.PORT ?? "8787";
const stateDir = process.env.STATE_DIR ?? ".wrangler/state";

/** What differs from a deployment, see wrangler.toml. */
const variables = {
  API_KEYS: await localApiKeys(),
  LOCAL_QUEUE: "true",
  ALLOW_LOCAL_TARGETS: "true",
  ...pick("LEASE_MS"),
  ...pick("REDELIVER_MS"),
};

function pick(name: string): Record<string, string> {
  const value = process.env[name];
  return value === undefined ? {} : { [name]: value };
}

await runWrangler(["d1", "migrations", "apply", "DATA", "--local", "--persist-to", stateDir]);

const service = wrangler(
  [
    "dev",
    "--port",
    port,
    "--persist-to",
    stateDir,
    "--show-interactive-dev-session=false",
    ...Object.entries(variables).flatMap(([name, value]) => ["--var", `${name}:${value}`]),
  ],
  "inherit",
);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => service.kill(signal));
service.on("exit", (code) => process.exit(code ?? 1));
