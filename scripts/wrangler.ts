/** Runs the project's own wrangler with the project's own Node, quietly and without asking anybody anything. */

import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const bin = join(root, "node_modules/wrangler/bin/wrangler.js");

/** Starts wrangler in the project's folder; its output goes where `stdio` says. */
export function wrangler(args: string[], stdio: "inherit" | "pipe"): ChildProcess {
  return spawn(process.execPath, [bin, ...args], {
    cwd: root,
    stdio: ["ignore", stdio, stdio],
    env: {
      ...process.env,
      CI: "true",
      WRANGLER_SEND_METRICS: "false",
      WRANGLER_LOG: process.env.WRANGLER_LOG ?? "log",
      X_LOCAL_OBSERVABILITY: "false",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
    },
  });
}

/** Runs wrangler to its end. Rejects with what it printed if it fails. */
export async function runWrangler(args: string[]): Promise<string> {
  const child = wrangler(args, "pipe");
  let output = "";
  child.stdout?.on("data", (chunk) => (output += chunk));
  child.stderr?.on("data", (chunk) => (output += chunk));
  const code = await new Promise((resolve) => child.on("exit", resolve));
  if (code !== 0) throw new Error(`wrangler ${args[0]} failed:\n${output}`);
  return output;
}
