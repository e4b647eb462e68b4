/**
 * Runs a Worker in workerd alone, as wrangler builds it for a deployment, without wrangler's proxy and simulators. Its
 * objects are stored in memory (tmpfs), so that no disk is measured. Stubs replace queues and rate limiters. There is
 * no D1 and no R2, so only paths without them can be measured.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { build } from "esbuild";
import { type Unstable_Config as Config, unstable_readConfig as readConfig } from "wrangler";
import { root, runWrangler } from "../scripts/wrangler.ts";

const MEMORY = "/dev/shm";
const workerd = join(root, "node_modules/workerd/bin/workerd");

export type Native = Awaited<ReturnType<typeof startNative>>;

/** Changes to wrangler.toml: more variables, and another `main`. */
type Changes = { variables?: Record<string, string>; main?: string };

/** Starts the Worker of a wrangler.toml; paths are named from the project's folder. Leaves nothing behind if it fails. */
export async function startNative(configPath: string, changes: Changes = {}) {
  const folder = await mkdtemp(join(MEMORY, "accepted-bench-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const native = await startIn(folder, configPath, changes);
    return { ...native, stop: () => native.stop().finally(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function startIn(folder: string, configPath: string, { variables = {}, main }: Changes) {
  const path = join(root, configPath);
  await mkdir(join(folder, "state"));
  const outdir = join(folder, "worker");
  await runWrangler(["deploy", ...(main ? [main] : []), "--dry-run", "--config", path, "--outdir", outdir]);
  await buildStubs(folder);
  const modules = await modulesOf(outdir);
  const configText = toCapnp(readConfig({ config: path }), modules, variables);
  await writeFile(join(folder, "config.capnp"), configText);
  const child = spawn(workerd, ["serve", "config.capnp", "--experimental", "--control-fd=3"], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  });
  const killWithUs = () => child.kill("SIGKILL");
  process.once("exit", killWithUs);
  const ports = await portsOf(child);
  return {
    url: `http://127.0.0.1:${ports.get("http")}`,
    /** Messages the stub of the queues has taken since the start. */
    async messagesTaken(): Promise<number> {
      const answer = await fetch(`http://127.0.0.1:${ports.get("queue")}/`);
      return ((await answer.json()) as { taken: number }).taken;
    },
    /** CPU time used so far, milliseconds. */
    cpuMs: () => cpuMsOf(child.pid ?? 0),
    async stop(): Promise<void> {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      process.off("exit", killWithUs);
    },
  };
}

async function buildStubs(folder: string): Promise<void> {
  const entryPoints = ["queue.ts", "limiter.ts"].map((name) => join(import.meta.dirname, "stubs", name));
  await build({ entryPoints, outdir: join(folder, "stubs"), format: "esm" });
}

/** The modules of a built Worker, its entry first. */
async function modulesOf(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => /\.(js|mjs|wasm)$/.test(name));
  return names.toSorted((a, b) => Number(b === "index.js") - Number(a === "index.js"));
}

/** Reads the ports from workerd's control channel. Rejects if workerd exits before it listens. */
async function portsOf(child: ChildProcess): Promise<Map<string, number>> {
  const ports = new Map<string, number>();
  const control = child.stdio[3] as Readable;
  for await (const line of createInterface({ input: control })) {
    const message = JSON.parse(line) as { event: string; socket: string; port: number };
    if (message.event === "listen") ports.set(message.socket, message.port);
    if (ports.size === 2) return ports;
  }
  throw new Error("workerd did not start. See its messages above.");
}

/** The first field of a thread's schedstat is its time on a CPU in nanoseconds. */
async function cpuMsOf(pid: number): Promise<number> {
  const threads = `/proc/${pid}/task`;
  const read = async (thread: string) =>
    (await readFile(`${threads}/${thread}/schedstat`, "utf8")).split(" ");
  const times = await Promise.all((await readdir(threads)).map(read));
  return times.reduce((sum, [nanoseconds]) => sum + Number(nanoseconds) / 1e6, 0);
}

/** workerd's own configuration of what wrangler.toml says. */
function toCapnp(config: Config, modules: string[], variables: Record<string, string>): string {
  const { bindings: objects } = config.durable_objects;
  const namespaces = objects.map(
    ({ class_name }) => `(className = "${class_name}", uniqueKey = "${class_name}", enableSql = true)`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "queue", worker = .queue),
    (name = "state", disk = (path = "state", writable = true)),
  ],
  sockets = [
    (name = "http", address = "127.0.0.1:0", http = (), service = "main"),
    (name = "queue", address = "127.0.0.1:0", http = (), service = "queue"),
  ],
  extensions = [(modules = [
    (name = "bench:limiter", internal = true, esModule = embed "stubs/limiter.js"),
  ])],
);
const main :Workerd.Worker = (
  modules = [${modules.map(moduleText).join(", ")}],
  compatibilityDate = "${config.compatibility_date}",
  compatibilityFlags = ${listText(config.compatibility_flags.map((flag) => JSON.stringify(flag)))},
  bindings = ${listText(bindingsOf(config, variables))},
  durableObjectNamespaces = ${listText(namespaces)},
  durableObjectStorage = (localDisk = "state"),
);
const queue :Workerd.Worker = (
  modules = [(name = "queue.js", esModule = embed "stubs/queue.js")],
  compatibilityDate = "${config.compatibility_date}",
);
`;
}

function bindingsOf(config: Config, variables: Record<string, string>): string[] {
  const vars = Object.entries({ ...(config.vars as Record<string, string>), ...variables });
  return [
    ...vars.map(([name, value]) => `(name = "${name}", text = ${JSON.stringify(value)})`),
    ...config.durable_objects.bindings.map(
      ({ name, class_name }) => `(name = "${name}", durableObjectNamespace = "${class_name}")`,
    ),
    ...(config.queues.producers ?? []).map(({ binding }) => `(name = "${binding}", queue = "queue")`),
    ...(config.ratelimits ?? []).map(
      ({ name }) => `(name = "${name}", wrapped = (moduleName = "bench:limiter"))`,
    ),
  ];
}

function moduleText(name: string): string {
  const kind = name.endsWith(".wasm") ? "wasm" : "esModule";
  return `(name = "${basename(name)}", ${kind} = embed "worker/${name}")`;
}

function listText(items: string[]): string {
  return `[${items.join(", ")}]`;
}
