/**
 * Loads the real modules of src/ into plain Node, with the platform and the world (clock, chance, timers) in other
 * hands. Nothing of them is changed, except by patches, which exist to show that the simulation would notice.
 */

import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { build, type Plugin } from "esbuild";
import { Controller, Signal } from "./platform/aborting.ts";
import { hashing } from "./platform/hashing.ts";
import { Answer, AutoResponse } from "./platform/sockets.ts";

const root = join(import.meta.dirname, "../..");
const ENTRY = join(import.meta.dirname, "system.ts");

/** Replaces `find`, which must occur exactly once in `file` (relative to the repository). */
export type Patch = { file: string; find: string; replace: string };

/** The real modules, as system.ts exports them. */
export type System = typeof import("./system.ts");

/** What the modules find in the place of src/lib/runtime.ts, of the platform's classes and of its globals. */
export type HarnessGlobals = {
  now: () => number;
  random: () => number;
  uuid: () => string;
  randomBytes: (count: number) => Uint8Array;
  sleep: (ms: number, signal?: Signal) => Promise<void>;
  WebSocketPair: new () => object;
  fetch: (url: string, init: PostInit) => Promise<Answer>;
  log: (record: object) => void;
};

export type PostInit = { headers: Record<string, string>; body: string; signal: Signal };

/** The code of the real modules with these patches, ready to be started in any surroundings. */
export type Program = { start: (harnessGlobals: HarnessGlobals) => System };

/** Reads and bundles the modules that `entry` exports. Rejects if a patch does not fit the source any more. */
export async function loadProgram(patches: readonly Patch[] = [], entry = ENTRY): Promise<Program> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "iife",
    globalName: "system",
    target: "esnext",
    logLevel: "silent",
    plugins: [otherHands, patching(patches)],
  });
  const code = outputFiles[0]?.text ?? "";
  const start = new Function(
    "harnessGlobals",
    ...Object.keys(globals({} as HarnessGlobals)),
    `${code}; return system;`,
  );
  return { start: (harnessGlobals) => start(harnessGlobals, ...Object.values(globals(harnessGlobals))) };
}

/** The globals that are not Node's own. */
function globals({ WebSocketPair, fetch, log }: HarnessGlobals) {
  return {
    WebSocketPair,
    fetch,
    crypto: hashing,
    Response: Answer,
    WebSocketRequestResponsePair: AutoResponse,
    AbortController: Controller,
    AbortSignal: Signal,
    console: { log, warn: log, error: log },
  };
}

const RUNTIME = "export const { now, random, uuid, randomBytes, sleep } = harnessGlobals;";
const WORKERS = "export class DurableObject { constructor(ctx, env) { this.ctx = ctx; this.env = env; } }";

const otherHands: Plugin = {
  name: "other hands",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^cloudflare:workers$/ }, () => ({ path: "workers", namespace: "simulated" }));
    onResolve({ filter: /\/runtime\.ts$/ }, () => ({ path: "runtime", namespace: "simulated" }));
    onLoad({ filter: /.*/, namespace: "simulated" }, ({ path }) => ({
      contents: path === "runtime" ? RUNTIME : WORKERS,
    }));
  },
};

function patching(patches: readonly Patch[]): Plugin {
  return {
    name: "patches",
    setup({ onLoad, onEnd }) {
      const left = new Set(patches);
      onLoad({ filter: /[/\\]src[/\\].*\.ts$/ }, ({ path }) => {
        let contents = readFileSync(path, "utf8");
        for (const patch of patches) {
          if (patch.file !== relative(root, path).replaceAll("\\", "/")) continue;
          contents = patched(contents, patch);
          left.delete(patch);
        }
        return { contents, loader: "ts" };
      });
      onEnd(() => {
        for (const { file } of left) throw new Error(`${file} is not part of the program.`);
      });
    },
  };
}

function patched(text: string, { file, find, replace }: Patch): string {
  const parts = text.split(find);
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} places to patch: ${find}`);
  return parts.join(replace);
}
