/**
 * Plays random lives of a few idempotency keys: a key makes a job, the job ends and is deleted, the key makes another.
 * Every identifier that the service shows is entered in a book, and what names a dead job must have no effect.
 */

import type { EventView, JobView } from "../../src/rpc/views.ts";
import { type Client, isFinished, openInsistentClient } from "../chaos/client.ts";
import { type Chance, chanceFrom } from "../chaos/plan.ts";
import { type Owners, openOwners } from "./owners.ts";
import { type Receiver, startReceiver } from "./receiver.ts";

export type LivesOptions = { url: string; key: string; lives: number; keys: number; seed: number };
export type LivesReport = { lives: number; jobs: number; identifiers: number; faults: string[] };

/** All a player needs. `run` marks what this run has made, for bulk actions. */
type Game = {
  client: Client;
  owners: Owners;
  receiver: Receiver;
  chance: Chance;
  run: string;
  faults: string[];
};

/** What is left of a deleted job in the hands of a client. */
type Remains = { id: string; etag: string; deliveryId: string | null };

/** Plays so many lives, each key one after another, all keys at once. Rejects if the service cannot be reached. */
export async function playLives({ url, key, lives, keys, seed }: LivesOptions): Promise<LivesReport> {
  const owners = openOwners();
  const receiver = await startReceiver((id, jobId) => owners.enter("webhook", id, jobId));
  const game: Game = {
    client: openInsistentClient(url, key),
    owners,
    receiver,
    chance: chanceFrom(seed),
    run: crypto.randomUUID(),
    faults: owners.faults,
  };
  let left = lives;
  let jobs = 0;
  try {
    await Promise.all(
      Array.from({ length: keys }, async (_, number) => {
        const name = `${game.run}.${number}`;
        for (let remains: Remains[] = []; left > 0; ) {
          left -= 1;
          remains = await playLife(game, name, remains);
          jobs += remains.length;
        }
      }),
    );
  } finally {
    receiver.stop();
  }
  return { lives, jobs, identifiers: owners.count(), faults: game.faults };
}

/** One life of a key, and of the key of its replay; answers what is left of its jobs. */
async function playLife(game: Game, name: string, dead: readonly Remains[]): Promise<Remains[]> {
  const { chance, receiver, owners } = game;
  const path = `/${crypto.randomUUID()}`;
  const first = await submit(game, "/v1/jobs", name, requestOf(game, name, path));
  for (const remains of dead) await isDead(game, remains);
  const made = [await finish(game, first)];
  const calledAs = receiver.keyOf(path);
  if (calledAs !== undefined) owners.enter("third party's key", calledAs, first);
  if (chance(1, 4) === 1) {
    const replay = await submit(game, `/v1/jobs/${first}/replay`, `${name}.replay`, undefined);
    made.push(await finish(game, replay));
  }
  const remains = await Promise.all(made.map((job) => collect(game, job)));
  for (const { id } of remains) await remove(game, id, name);
  return remains;
}

function requestOf({ chance, receiver, run }: Game, name: string, path: string): object {
  const inputs = [
    { type: "test.simulate", input: {} },
    {
      type: "test.simulate",
      input: { attempts: [{ outcome: "fail", kind: "invalid_input", message: "Wrong." }] },
    },
    {
      type: "test.simulate",
      input: {
        attempts: [
          { outcome: "fail", kind: "service_unavailable", retry_after_ms: 0 },
          { outcome: "crash", message: "x" },
        ],
      },
    },
    { type: "http.request", input: { url: receiver.url + path, method: "POST" } },
    { type: "test.simulate", input: {}, run_at: new Date(Date.now() + 3_600_000).toISOString() },
  ];
  const events = ["job.queued", "job.started", "job.succeeded", "job.failed", "job.cancelled"];
  const webhook = chance(1, 3) === 1 ? { webhook: { url: `${receiver.url}/webhook`, events } } : {};
  return { ...inputs[chance(0, inputs.length - 1)], ...webhook, metadata: { run, name } };
}

/** Posts once or several times at once; answers the id of the one job that was made. */
async function submit(
  { client, owners, chance, faults }: Game,
  path: string,
  key: string,
  body: object | undefined,
) {
  const posts = Array.from({ length: chance(1, 2) }, () =>
    client.ask<JobView>("POST", path, body, { "Idempotency-Key": key }),
  );
  const answers = await Promise.all(posts);
  const ids = new Set(answers.map(({ data }) => data?.id));
  const [id = ""] = ids;
  const made = answers.filter(({ deduplicated }) => deduplicated === null);
  if (ids.size !== 1 || made.length !== 1)
    faults.push(`${key}: ${answers.map(({ status, text }) => `${status} ${text}`).join(" and ")}`);
  owners.enterNew(id);
  return id;
}

/** Waits until the job has finished; cancels it if it is scheduled. */
async function finish({ client }: Game, id: string): Promise<JobView> {
  for (;;) {
    const { data } = await client.ask<JobView>("GET", `/v1/jobs/${id}`, undefined, { Prefer: "wait=5" });
    if (isFinished(data)) return data;
    if (data.status_reason === "scheduled") await client.ask("POST", `/v1/jobs/${id}/cancel`, {});
  }
}

/** Enters all that the service shows of the job. */
async function collect({ client, owners, faults }: Game, job: JobView): Promise<Remains> {
  const path = `/v1/jobs/${job.id}`;
  const [{ headers }, events, deliveries] = await Promise.all([
    client.ask<JobView>("GET", path),
    client.ask<EventView[]>("GET", `${path}/events`),
    client.ask<{ id: string }[]>("GET", `${path}/deliveries`),
  ]);
  const references = [job.error?.reference, ...job.attempts.map(({ error }) => error?.reference)];
  for (const reference of references) if (reference) owners.enter("reference", reference, job.id);
  for (const { id } of deliveries.data) owners.enter("webhook", id, job.id);
  if (events.data.some(({ seq }, index) => seq !== index + 1))
    faults.push(`${job.id}: its events do not count from 1`);
  return { id: job.id, etag: headers.get("ETag") ?? "", deliveryId: deliveries.data[0]?.id ?? null };
}

/** Deletes the job, now and then by a bulk action. */
async function remove({ client, chance, run }: Game, id: string, name: string): Promise<void> {
  const isBulk = chance(1, 20) === 1;
  const filter = { metadata: { run, name }, status: ["succeeded", "failed", "cancelled"] };
  const bulk = isBulk
    ? await client.ask<JobView>("POST", "/v1/bulk", { action: "delete", filter, per_second: 100 })
    : null;
  if (bulk?.status === 202)
    await client.ask("GET", `/v1/jobs/${bulk.data.id}`, undefined, { Prefer: "wait=20" });
  await client.ask("DELETE", `/v1/jobs/${id}`);
}

/** Whatever a client still has of the job leads nowhere, while another job has its key. */
async function isDead({ client, faults }: Game, { id, etag, deliveryId }: Remains): Promise<void> {
  const path = `/v1/jobs/${id}`;
  const asks: [string, string, Record<string, string>][] = [
    ["GET", path, { "If-None-Match": etag }],
    ["GET", `${path}/events`, { "Last-Event-ID": "1" }],
    ["GET", `${path}/result`, { "If-None-Match": etag }],
    ["POST", `${path}/cancel`, { "If-Match": etag }],
    ["POST", `${path}/replay`, {}],
    ["POST", `${path}/deliveries/${deliveryId ?? "msg_x"}/redeliver`, {}],
    ["DELETE", path, {}],
  ];
  for (const [method, address, headers] of asks) {
    const { status } = await client.ask(method, address, undefined, headers);
    if (status !== 404) faults.push(`${method} ${address}, of a deleted job: ${status}`);
  }
}
