/** Runs the project's npm scripts as a person does: in processes of their own, on the machine's npm. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { expect, vi } from "vitest";
import { root } from "../../scripts/wrangler.ts";

/** Starts `npm run -s <script> -- <args>` in a process group of its own. */
export function npmRun(script: string, args: string[] = [], env: Record<string, string> = {}) {
  const child = spawn("npm", ["run", "-s", script, "--", ...args], {
    cwd: root,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1", ...env },
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (output.stdout += chunk));
  child.stderr.on("data", (chunk) => (output.stderr += chunk));
  return { child, output };
}

/** Runs a script to its end. */
export async function finishNpmRun(script: string, args: string[] = [], env: Record<string, string> = {}) {
  const { child, output } = npmRun(script, args, env);
  const [status] = await once(child, "close");
  return { status, ...output, leftBehind: groupOf(child) };
}

/** Ends what is left of the child's process group, at once. */
export async function endGroup(child: ChildProcess): Promise<void> {
  if (groupOf(child).length === 0 || child.pid === undefined) return;
  process.kill(-child.pid, "SIGKILL");
  await vi.waitFor(() => expect(groupOf(child)).toEqual([]), { timeout: 20_000 });
}

/** The commands of all processes that are still in the child's process group. */
export function groupOf({ pid }: ChildProcess): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const [state, , group] = statOf(name);
      return Number(group) === pid && state !== "Z" ? [read(`/proc/${name}/cmdline`)] : [];
    });
}

/** State, parent and group of a process (proc(5)); its name, which comes before, may hold anything. */
function statOf(pid: string): string[] {
  return read(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ") ?? [];
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}
