/** Runs the checks side by side against one deployment, and last those of all answers that were seen on the way. */

import { setTimeout as pause } from "node:timers/promises";
import { Disagreement, Skipped } from "./assertions.ts";
import type { Check } from "./check.ts";
import { checksOfAnswers } from "./checks/answers.ts";
import { allChecks } from "./checks/index.ts";
import { closeDeployment, type Deployment, type Keys, openDeployment } from "./deployment.ts";

export type Outcome = {
  section: string;
  name: string;
  status: "passed" | "failed" | "skipped";
  /** What was seen, or why it was skipped; null for what passed. */
  detail: string | null;
  ms: number;
};

export type Report = {
  url: string;
  outcomes: Outcome[];
  passed: number;
  failed: number;
  skipped: number;
  /** Answers that were compared with the deployment's OpenAPI document. */
  answersSeen: number;
  /** What the checks made and could not remove. */
  left: string[];
  ms: number;
};

export type Options = {
  url: string;
  keys: Keys;
  /** Only checks whose section and name, joined by a space, this finds. */
  only?: RegExp;
};

/** So many checks at a time: enough to wait for slow things together, few enough not to measure the queue. */
const AT_A_TIME = 12;

/** No check waits so long unless something hangs. */
const CHECK_MS = 90_000;

/** The check as one is asked for it by name. */
export const titleOf = ({ section, name }: Pick<Check, "section" | "name">) => `${section} ${name}`;

/** Judges a deployment. Rejects only if it cannot be reached, or no check is called so. */
export async function judge({ url, keys, only = /(?:)/ }: Options): Promise<Report> {
  const startedAt = performance.now();
  const wanted = allChecks.filter((one) => only.test(titleOf(one)));
  const wantedLast = checksOfAnswers.filter((one) => only.test(titleOf(one)));
  if (wanted.length + wantedLast.length === 0) throw new Error(`No check is called like ${only}.`);
  const deployment = await openDeployment(url, keys);
  let outcomes: Outcome[];
  let left: string[];
  try {
    const first = await sideBySide(wanted, deployment);
    outcomes = [...first, ...(await sideBySide(wantedLast, deployment))];
  } finally {
    left = await closeDeployment(deployment);
  }
  const count = (status: Outcome["status"]) => outcomes.filter((outcome) => outcome.status === status).length;
  return {
    url: deployment.url,
    outcomes,
    passed: count("passed"),
    failed: count("failed"),
    skipped: count("skipped"),
    answersSeen: deployment.ledger.exchanges.length,
    left,
    ms: Math.round(performance.now() - startedAt),
  };
}

/** The outcomes in the checks' order, whatever order they ended in. */
async function sideBySide(checks: readonly Check[], deployment: Deployment): Promise<Outcome[]> {
  const outcomes = new Map<Check, Outcome>();
  const lines = [...Map.groupBy(checks, (one) => one.line ?? one).values()];
  const isLong = (line: Check[]) => line.length > 1 || line.some((one) => one.isLong);
  const waiting = [...lines.filter(isLong), ...lines.filter((line) => !isLong(line))];
  const work = async () => {
    for (let line = waiting.shift(); line; line = waiting.shift()) {
      for (const next of line) outcomes.set(next, await tried(next, deployment));
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  return checks.flatMap((one) => outcomes.get(one) ?? []);
}

async function tried({ section, name, run }: Check, deployment: Deployment): Promise<Outcome> {
  const startedAt = performance.now();
  const over = new AbortController();
  const tooLong = pause(CHECK_MS, undefined, { signal: over.signal }).then(() => {
    throw new Disagreement(`it had not ended after ${CHECK_MS / 1000} s`);
  });
  const ended = await Promise.race([run(deployment), tooLong]).then(
    () => ({ status: "passed", detail: null }) as const,
    (error: unknown) => {
      const status = error instanceof Skipped ? ("skipped" as const) : ("failed" as const);
      return { status, detail: wordsOf(error) };
    },
  );
  over.abort();
  await tooLong.catch(() => undefined);
  return { section, name, ...ended, ms: Math.round(performance.now() - startedAt) };
}

/** A disagreement in its own words; anything else with its kind, for then the check met what it did not expect. */
function wordsOf(error: unknown): string {
  if (error instanceof Skipped || error instanceof Disagreement) return error.message;
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return `${error.name}: ${error.message}${cause}`;
}
