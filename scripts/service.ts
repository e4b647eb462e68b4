/**
 * Starts the service as a child of this process, on a free port and with a state of its own, for the demo and
 * for tests. The child leads a process group, so that it and its runtime can be killed as one.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { readLocalKeys } from "./local-keys.ts";
import { root } from "./wrangler.ts";

export type ServiceOptions = {
  stateDir: string;
  /** 0, the default, takes a free one. */
  port?: number;
  leaseMs?: number;
  dispatchTimeoutMs?: number;
  /** Receives each line of the log as it comes. */
  onLine?: (line: LogLine) => void;
};

/** One line of the service's log. */
export type LogLine = { level: string; event: string } & Record<string, unknown>;

export type Service = Awaited<ReturnType<typeof startService>>;

/** Starts the service with all it writes in `stateDir`; resolves once it answers. Rejects with what it printed if it ended before that. */
export async function startService(options: ServiceOptions) {
  const { stateDir, port = 0, leaseMs, dispatchTimeoutMs, onLine } = options;
  const scratch = join(stateDir, "tmp");
  await mkdir(scratch, { recursive: true });
  const child = spawn(process.execPath, [join(root, "scripts/start.ts")], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: {
      ...process.env,
      PORT: String(port),
      STATE_DIR: stateDir,
      // What a killed runtime leaves behind goes with the state.
      TMPDIR: scratch,
      WATCH: "false",
      // Tests and the demo have their third parties on this machine.
      ALLOW_LOCALHOST_URLS: "true",
      ...(leaseMs && { LEASE_MS: String(leaseMs) }),
      ...(dispatchTimeoutMs && { DISPATCH_TIMEOUT_MS: String(dispatchTimeoutMs) }),
    },
  });
  const ended = once(child, "close");
  const log: LogLine[] = [];
  const words: string[] = [];
  listen(child.stdout, (text) => {
    const line: LogLine = JSON.parse(text);
    log.push(line);
    onLine?.(line);
  });
  listen(child.stderr, (line) => words.push(line));
  const url = await Promise.race([urlOf(child), ended.then(() => null)]);
  if (url === null) throw new Error(`The service did not start:\n${words.join("\n")}`);

  async function end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    signalGroup(child, signal);
    await ended;
  }

  return {
    url,
    keys: await readLocalKeys(stateDir),
    /** The log so far, and what was said to people besides. Both grow. */
    log,
    words,
    /** Ends it in good order. */
    stop: () => end("SIGTERM"),
    /** Ends it as a power cut would: no process of it gets to do anything more. */
    kill: () => end("SIGKILL"),
  };
}

function listen(stream: NodeJS.ReadableStream | null, heard: (line: string) => void): void {
  if (stream) createInterface({ input: stream }).on("line", heard);
}

async function urlOf(child: ChildProcess): Promise<string> {
  const [{ url }] = await once(child, "message");
  return url;
}

/** SIGTERM is for the leader, who tidies up; SIGKILL is for all. */
function signalGroup({ pid }: ChildProcess, signal: "SIGTERM" | "SIGKILL"): void {
  if (pid === undefined) return;
  try {
    process.kill(signal === "SIGKILL" ? -pid : pid, signal);
  } catch (error) {
    const isGone = error instanceof Error && "code" in error && error.code === "ESRCH";
    if (!isGone) throw error;
  }
}
