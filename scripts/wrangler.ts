/** Runs the project's own wrangler with the project's own Node, quietly and without asking anybody anything. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** The project's folder. */
export const root = join(import.meta.dirname, "..");

/** wrangler itself, not its launcher, which would not pass every signal on. */
const program = join(root, "node_modules/wrangler/wrangler-dist/cli.js");

/** No questions, no telemetry, no look-ups in the network, no trace store; `WRANGLER_LOG` may ask for more. */
export const quiet = {
  CI: "true",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_LOG: process.env.WRANGLER_LOG ?? "warn",
  X_LOCAL_OBSERVABILITY: "false",
  // It would show every tenant's rows to any page that can reach its port.
  X_LOCAL_EXPLORER: "false",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
};

/** Starts wrangler in the project's folder; its output goes where `stdio` says. It ends when this process does. */
function wrangler(args: string[], stdio: "inherit" | "pipe"): ChildProcess {
  const child = spawn(process.execPath, ["--no-warnings", program, ...args], {
    cwd: root,
    stdio: ["ignore", stdio, stdio],
    env: { ...process.env, ...quiet, WRANGLER_LOG: process.env.WRANGLER_LOG ?? "log" },
  });
  const end = () => child.kill();
  process.once("exit", end);
  child.once("exit", () => process.off("exit", end));
  return child;
}

/** Runs wrangler to its end and answers what it printed. Rejects with that if it fails. */
export async function runWrangler(args: string[]): Promise<string> {
  const child = wrangler(args, "pipe");
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk) => (stdout += chunk));
  child.stderr?.on("data", (chunk) => (stderr += chunk));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`wrangler ${args.slice(0, 3).join(" ")} failed:\n${stdout}${stderr}`);
  return stdout;
}

/** Runs wrangler to its end before everybody's eyes. Rejects if it fails. */
export async function showWrangler(args: string[]): Promise<void> {
  const [code] = await once(wrangler(args, "inherit"), "close");
  if (code !== 0) throw new Error(`wrangler ${args.slice(0, 3).join(" ")} failed.`);
}
