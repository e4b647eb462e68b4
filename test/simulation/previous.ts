/**
 * The deployment before this one: after a deploy, objects go on with its code for up to five minutes beside the new
 * Worker, and runs of its Worker beside the new objects.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { loadProgram, type Program, type System } from "./load.ts";

const root = join(import.meta.dirname, "../..");
const ENTRY = "test/simulation/system.ts";
const COMMITS_SEARCHED = 50;

const git = (...args: string[]) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();

/** The last commit whose code differs from the present one; null without a history. */
export function previousCommit(): string | null {
  try {
    const commits = git("log", `--max-count=${COMMITS_SEARCHED}`, "--format=%H").split("\n");
    return commits.find((commit) => git("diff", "--name-only", commit, "--", "src") !== "") ?? null;
  } catch {
    return null;
  }
}

/** The code of a commit, ready to be started. Its packages are the present ones. */
export async function loadCommit(commit: string): Promise<Program> {
  // Below node_modules, so that its imports of packages are found.
  const folder = join(root, "node_modules/.cache/previous", `${commit}-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    const archive = execFileSync("git", ["archive", commit, "src", "test/simulation"], {
      cwd: root,
      maxBuffer: 2 ** 28,
    });
    execFileSync("tar", ["-x", "-C", folder], { input: archive });
    return await loadProgram([], join(folder, ENTRY));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What runs older code for a while: the objects, or what calls them. */
export type Older = "objects" | "worker";

const members = {
  objects: [
    "JobObject",
    "JobIndexObject",
    "IndexDirectoryObject",
    "UniqueKeyObject",
    "FilesObject",
    "DatasetObject",
    "QueueObject",
  ],
  worker: ["consumeJobs", "consumeDeliveries", "jobObject", "submissionObject"],
} as const satisfies Record<Older, readonly (keyof System)[]>;

/** The system in which some members are the previous ones while `isBefore` says so. */
export function mixed(system: System, previous: System, older: Older, isBefore: () => boolean): System {
  // A member that the code before did not have is the present one.
  const getters = members[older].map((name) => [
    name,
    { get: () => (isBefore() ? (previous[name] ?? system[name]) : system[name]) },
  ]);
  const declareQueues: System["declareQueues"] = (queues) => {
    system.declareQueues(queues);
    previous.declareQueues(queues);
  };
  // Objects of code without queues keep no limits: then no job has a queue.
  const hasQueues = previous.declareQueues !== undefined;
  return Object.create(system, {
    ...Object.fromEntries(getters),
    declareQueues: { value: hasQueues ? declareQueues : undefined },
  });
}
