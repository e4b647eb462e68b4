/** The clients' side of chaos: submits plans, cancels and replays, and keeps every job that was accepted. */

import { setTimeout as pause } from "node:timers/promises";
import type { JobView } from "../../src/rpc/views.ts";
import type { Answer, Client } from "./client.ts";
import type { Chance, Plan } from "./plan.ts";
import type { Watch } from "./watch.ts";

/** An accepted job; `keys` counts the idempotency keys that led to it. */
export type Accepted = { id: string; plan: Plan; keys: number };

export type Load = {
  accepted: Map<string, Accepted>;
  ids: Set<string>;
  /** Jobs that one key made more than one of. */
  doubled: string[];
  /** Submissions that were answered with the job that owns their unique key. */
  conflicts: number;
};

const POSTERS = 8;

/** Between two submissions of a poster, at most. */
const PAUSE_MS = 400;

/** A job to be replayed is waited for so long; then it is the settling's to find out why. */
const REPLAY_PATIENCE_MS = 30_000;

export function emptyLoad(): Load {
  return { accepted: new Map(), ids: new Set(), doubled: [], conflicts: 0 };
}

/** Submits plans, some at a time, until `isOver`; resolves when all cancels and replays have been asked for, too. */
export async function submitUntil(
  isOver: () => boolean,
  load: Load,
  {
    client,
    plans,
    chance,
    watching,
  }: { client: Client; plans: Iterator<Plan>; chance: Chance; watching: Watch },
): Promise<void> {
  const following: Promise<void>[] = [];
  const post = async () => {
    while (!isOver()) {
      const { value: plan } = plans.next() as { value: Plan };
      const id = await submit(client, plan, load, chance);
      if (plan.cancelAfterMs !== null) following.push(cancelAfter(client, id, plan.cancelAfterMs));
      if (plan.isReplayed) following.push(replay(client, id, plan, load, watching, chance));
      await pause(chance(0, PAUSE_MS));
    }
  };
  await Promise.all(Array.from({ length: POSTERS }, post));
  await Promise.all(following);
}

async function submit(client: Client, plan: Plan, load: Load, chance: Chance): Promise<string> {
  const headers = { "Idempotency-Key": keyOf(chance) };
  const post = () => client.ask<JobView>("POST", "/v1/jobs", plan.request, headers);
  const answers = await Promise.all(Array.from({ length: plan.posts }, post));
  return accept(answers, plan, load);
}

/** Takes the answers to one key in; they must all be one job. */
function accept(answers: Answer<JobView>[], plan: Plan, load: Load): string {
  const refused = answers.find(({ status }) => status !== 202);
  if (refused) throw new Error(`${plan.kind} is answered ${refused.status}: ${refused.text}`);
  const [id = "", ...others] = new Set(answers.map(({ data }) => data.id));
  if (others.length > 0) load.doubled.push(`${plan.kind}: one key made ${[id, ...others].join(" and ")}`);
  if (answers.some(({ deduplicated }) => deduplicated === "unique_key")) load.conflicts += 1;
  const known = load.accepted.get(id);
  load.accepted.set(id, { id, plan: known?.plan ?? plan, keys: (known?.keys ?? 0) + 1 });
  load.ids.add(id);
  return id;
}

async function cancelAfter(client: Client, id: string, ms: number): Promise<void> {
  await pause(ms);
  const { status, text } = await client.ask("POST", `/v1/jobs/${id}/cancel`);
  if (status !== 200) throw new Error(`the cancel of ${id} is answered ${status}: ${text}`);
}

async function replay(client: Client, id: string, plan: Plan, load: Load, watching: Watch, chance: Chance) {
  for (const overAt = Date.now() + REPLAY_PATIENCE_MS; !watching.hasFinished(id); await pause(100)) {
    if (Date.now() > overAt) return;
  }
  const headers = { "Idempotency-Key": keyOf(chance) };
  const answer = await client.ask<JobView>("POST", `/v1/jobs/${id}/replay`, undefined, headers);
  accept([answer], { ...plan, kind: "is a replay", isReplayed: false }, load);
}

/** A key of the seed's, so that the jobs' ids are, too. */
function keyOf(chance: Chance): string {
  return `chaos-${chance(0, 2 ** 31)}-${chance(0, 2 ** 31)}`;
}
