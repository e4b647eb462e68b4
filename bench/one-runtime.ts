/**
 * The service and Cloudflare Workflows in one Miniflare, each behind a socket of its own, without wrangler's proxy: so
 * both are served by the same workerd with the same simulators. Both are built as for a deployment; all they store is in
 * memory (tmpfs).
 */

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions as workerOptionsOf } from "wrangler";
import { root, runWrangler } from "../scripts/wrangler.ts";
import { inMemory } from "./client.ts";
import { benchSecrets, makeBenchKeys } from "./side-by-side.ts";

const SERVICE = "accepted";
const WORKFLOWS = "one-step";

/** The URLs of both, and a key of the service for each of two tenants. */
export type OneRuntime = { serviceUrl: string; workflowsUrl: string; keys: string[] };

/** Starts both, runs `use`, and always stops them; `main` replaces the service's entry. */
export async function withOneRuntime<T>(
  main: string | null,
  use: (runtime: OneRuntime) => Promise<T>,
): Promise<T> {
  const { variables: secrets } = await benchSecrets();
  return inMemory(async (folder) => {
    const build = { folder, main, variables: { ...secrets, LOCAL_QUEUE: "true" } };
    const service = await workerOf(SERVICE, "wrangler.toml", build);
    const workflows = await workerOf(WORKFLOWS, "bench/workflows/wrangler.toml", { folder });
    const options = {
      resourcePersistencePath: join(folder, "state"),
      // What is logged is dropped, as a deployment's log costs its Worker nothing.
      handleStructuredLogs: () => undefined,
      workers: [service, workflows],
    };
    const miniflare = new Miniflare(convertV4MiniflareOptions(options));
    try {
      await miniflare.ready;
      const urlOf = async (name: string) =>
        (await miniflare.unsafeGetDirectURL(name)).href.replace(/\/$/, "");
      const urls = { serviceUrl: await urlOf(SERVICE), workflowsUrl: await urlOf(WORKFLOWS) };
      const keys = await makeBenchKeys(urls.serviceUrl);
      return await use({ ...urls, keys: [keys.acme.full, keys.globex.full] });
    } finally {
      await miniflare.dispose();
    }
  });
}

type Build = { folder: string; main?: string | null; variables?: Record<string, string> };

/** A Worker of a wrangler.toml, named from the project's folder. */
async function workerOf(name: string, config: string, { folder, main, variables }: Build) {
  const path = join(root, config);
  const outdir = join(folder, name);
  await runWrangler(["deploy", ...(main ? [main] : []), "--dry-run", "--config", path, "--outdir", outdir]);
  const { workerOptions } = workerOptionsOf(path);
  const scripts = (await readdir(outdir)).filter((file) => file.endsWith(".js"));
  const entryFirst = scripts.toSorted((a, b) => Number(b === "index.js") - Number(a === "index.js"));
  return {
    ...workerOptions,
    name,
    bindings: { ...(workerOptions.bindings as object), ...variables },
    modulesRoot: outdir,
    modules: entryFirst.map((file) => ({ type: "ESModule" as const, path: join(outdir, file) })),
    // As many polls as there are: no key is limited.
    ratelimits: { KEY_LIMITER: unlimited("1"), ADDRESS_LIMITER: unlimited("2") },
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  };
}

function unlimited(namespace_id: string) {
  return { namespace_id, simple: { limit: 1e9, period: 60 as const } };
}
