/**
 * Serves everything on this machine: the Worker, its objects, queues and files, all embedded.
 * PORT moves it (8787; 0 takes a free one) and STATE_DIR what it stores (.wrangler/state); LEASE_MS and
 * DISPATCH_TIMEOUT_MS shorten the service's patience, for tests that cannot wait; WATCH=false does without reloading
 * when the source changes. Log lines go to stdout, words for people to stderr.
 */

import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { openLocalKeys } from "./local-keys.ts";
import { openLocalSecrets, stateDirectory } from "./local-secrets.ts";
import { quiet, root } from "./wrangler.ts";

const HOST = "127.0.0.1";

/** Longer than a tidy end takes; after it, an untidy one. */
const STOP_MS = 5_000;

/** How often a child of npm looks whether it still is one. */
const ORPHAN_LOOK_MS = 300;

/** The port asked for; for 0 a free one. Throws if it is none, or if it is taken. */
async function readPort(): Promise<number> {
  const text = process.env.PORT ?? "8787";
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new Error(`PORT must be 0 to 65535, not "${text}".`);
  const probe = createServer().listen(port, HOST);
  let chosen = port;
  try {
    await once(probe, "listening");
    const address = probe.address();
    if (typeof address === "object" && address) chosen = address.port;
  } catch (cause) {
    throw new Error(`Port ${port} cannot be used. Choose another: PORT=${port + 1} npm start`, { cause });
  } finally {
    probe.close();
  }
  return chosen;
}

/** What differs from a deployment, see wrangler.toml. */
async function localVariables(port: number, stateDir: string) {
  const { LEASE_MS, DISPATCH_TIMEOUT_MS } = process.env;
  const values = {
    ...(await openLocalSecrets(stateDir)).variables,
    LOCAL_QUEUE: "true",
    ALLOW_LOCALHOST_URLS: process.env.ALLOW_LOCALHOST_URLS === "true" ? "true" : "false",
    OWN_HOSTS: `localhost:${port}`,
    ...(LEASE_MS && { LEASE_MS }),
    ...(DISPATCH_TIMEOUT_MS && { DISPATCH_TIMEOUT_MS }),
  };
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, { type: "plain_text", value }] as const),
  );
}

/** What the Worker logs is JSON already; what the runtime has to say becomes it. */
function printLog({ level, message }: { level: string; message: string }): void {
  console.log(message.startsWith("{") ? message : JSON.stringify({ level, event: "runtime", message }));
}

async function serve() {
  const port = await readPort();
  const stateDir = stateDirectory();
  Object.assign(process.env, quiet);
  const { unstable_startWorker: startWorker } = await import("wrangler");
  const worker = await startWorker({
    config: join(root, "wrangler.toml"),
    bindings: await localVariables(port, stateDir),
    build: { define: { LOG_AS_TEXT: "true" } },
    dev: {
      server: { hostname: HOST, port },
      persist: stateDir,
      watch: process.env.WATCH !== "false",
      inspector: false,
      logLevel: "warn",
      structuredLogsHandler: printLog,
    },
  });
  await worker.ready;
  const url = `http://localhost:${(await worker.url).port}`;
  await openLocalKeys(url, (await openLocalSecrets(stateDir)).rootKey, stateDir);
  return { stop: () => worker.dispose(), url };
}

const serving = serve();

function stop(): void {
  setTimeout(() => process.exit(1), STOP_MS).unref();
  void serving.then((service) => service.stop()).finally(() => process.exit(0));
}
/** npm passes signals to a shell, which dies of them without a word: an orphan must notice by itself. */
function stopWithNpm(): void {
  const parent = process.ppid;
  const look = () => {
    if (process.ppid !== parent) stop();
  };
  if (process.env.npm_lifecycle_event) setInterval(look, ORPHAN_LOOK_MS).unref();
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, stop);
/** A parent that started this with a channel of its own wants it to end with the parent. */
process.once("disconnect", stop);
process.stdout.once("error", () => process.exit(1));
stopWithNpm();

try {
  const { url } = await serving;
  console.error(
    `Accepted serves on ${url}, its dashboard on ${url}/dashboard; keys to sign in with: npm run -s dev-keys`,
  );
  process.send?.({ url });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
