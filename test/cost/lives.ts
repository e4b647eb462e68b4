/**
 * The lives whose cost is counted: each from its request to its purge, by the calls the Worker makes. What only the
 * Worker does is billed by hand: a request for each `POST`, one for each invocation of a consumer (a batch of one).
 */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import type { Policy, Submission } from "../../src/core/job.ts";
import { DAY, MINUTE, SECOND } from "../../src/core/time.ts";
import { type JobApi, jobObject, pingOf, submissionObject } from "../../src/rpc/job.ts";
import { partitionOf } from "../../src/rpc/job-index.ts";
import { alarmOf, hold, nothing, pass, submission, policy as testPolicy } from "../support/objects.ts";
import { parkedDeliveries, parkedFor } from "../support/parked.ts";
import { bill, meteredEnv } from "./meter.ts";

/** As the defaults have it: kept for seven days, an attempt of at most fourteen minutes. */
export const policy: Policy = { ...testPolicy, retentionMs: 7 * DAY, attemptTimeoutMs: 14 * MINUTE };
const MONTH_MS = (365 / 12) * DAY;

/** A partition of the index covers a month and stays until its last job is purged; on average an entry stays so long. */
const ENTRY_STAYS_MS = MONTH_MS / 2 + policy.retentionMs;

/** A busy machine may take long for a message. */
const PATIENCE = { timeout: 20_000 };

/** As the runner has it: a ping if there was no reply for so long. */
const PING_MS = 20 * SECOND;

/** What a row of the index has beside the job as clients see it, in bytes: its keys and times, and its indexes. */
const INDEX_ENTRY_OVERHEAD = 500;

export type Life = { id: string; api: () => JobApi };
type Held = ReturnType<typeof hold>;
type Ringing = Pick<Held, "stub">;

/** A tenant of its own, with a listing that has been in use: its tables and its alarm are there. */
export function openTenant() {
  const tenant = `parked-${crypto.randomUUID().slice(0, 8)}`;
  const lives: Held[] = [];

  async function submit(changes: Partial<Submission> = {}): Promise<Life> {
    const asked = submission({ tenant, policy, ...changes });
    bill("workerRequests");
    const name = asked.fingerprint === null ? null : crypto.randomUUID();
    const answer = await submissionObject(meteredEnv(env), tenant, name).submit(asked, "use_existing");
    if (answer.kind !== "accepted") throw new Error(`not accepted: ${answer.kind}`);
    const { id } = answer.job;
    const api = () => jobObject(meteredEnv(env), tenant, id);
    lives.push(hold(id, tenant));
    return { id, api };
  }

  /** The message comes, a worker claims the attempt. */
  async function start({ id, api }: Life, attempt = 1): Promise<void> {
    await vi.waitFor(() => {
      if (!parkedFor(id).some((message) => message.attempt === attempt)) throw new Error("no message yet");
    }, PATIENCE);
    bill("workerRequests");
    if ((await api().start(attempt, 0, `lease ${attempt}`)) === null) throw new Error("not claimed");
  }

  /** The message of a continuation comes, a worker claims it. */
  async function resume({ id, api }: Life, continuation: number): Promise<void> {
    await vi.waitFor(() => {
      if (!parkedFor(id).some((message) => message.continuation === continuation))
        throw new Error("no message yet");
    }, PATIENCE);
    bill("workerRequests");
    const lease = `lease ${continuation + 1}`;
    if ((await api().start(1, continuation, lease)) === null) throw new Error("not claimed");
  }

  /** The run ends with a checkpoint, to go on in another. */
  const pause = ({ api }: Life, continuation: number) =>
    api().finish(`lease ${continuation + 1}`, nothing, { type: "continue", checkpoint: "{}" });

  const succeed = ({ api }: Life, attempt = 1) =>
    api().finish(`lease ${attempt}`, nothing, { type: "succeed", result: null });

  const fail = ({ api }: Life, attempt: number) => {
    const words = { kind: "service_unavailable", code: "away", message: "It is away." } as const;
    const failure = { ...words, retryAfterMs: null, reference: "reference" };
    return api().finish(`lease ${attempt}`, nothing, { type: "fail", failure });
  };

  /** What the Worker that took the job says 0.4 s later. */
  const publish = ({ api }: Life) => api().publish();

  const { name } = partitionOf({ id: "", createdAt: Date.now(), policy });
  const partition: Ringing = {
    stub: env.JOB_INDEXES.getByName(`${tenant}/${name}`) as unknown as DurableObjectStub,
  };

  /** Lets the alarm of an object ring if it is due. */
  async function ring(held: Ringing): Promise<void> {
    const at = await alarmOf(held);
    if (at !== null && at <= Date.now()) await runDurableObjectAlarm(held.stub);
  }

  /** Moves the clock from alarm to alarm, until none of these objects has one that rings within `ms`. */
  async function live(ms: number, ringing: () => Ringing[] = () => [...lives, partition]): Promise<void> {
    const overAt = Date.now() + ms;
    for (;;) {
      const alarms = await Promise.all(ringing().map(alarmOf));
      const next = Math.min(...alarms.map((at) => at ?? overAt), overAt);
      if (next >= overAt) break;
      pass(Math.max(0, next - Date.now()));
      for (const held of ringing()) await ring(held);
    }
    pass(overAt - Date.now());
  }

  return {
    submit,
    start,
    succeed,
    fail,
    publish,
    live,
    pause,

    /** What the job and its index entry take, for as long as they are kept. */
    async billStorage(life: Life): Promise<void> {
      const bytes = await runInDurableObject(
        hold(life.id, tenant).stub,
        (_, { storage }) => storage.sql.databaseSize,
      );
      bill("byteMonths", (bytes * policy.retentionMs) / MONTH_MS);
      const found = await hold(life.id, tenant).api().read();
      const entry = JSON.stringify(found?.job).length + INDEX_ENTRY_OVERHEAD;
      bill("byteMonths", (entry * ENTRY_STAYS_MS) / MONTH_MS);
    },

    /**
     * A run of so many minutes that says every second how far it is. Over its socket goes what the runner sends: the
     * progress at the pace the job asked for, and a ping when there was no reply.
     */
    async runFor(life: Life, minutes: number, paceMs: number, continuation = 0): Promise<void> {
      const lease = `lease ${continuation + 1}`;
      if (continuation === 0) await start(life);
      else await resume(life, continuation);
      const { webSocket: socket } = await life
        .api()
        .fetch(`https://job/worker?lease=${lease}&reports`, { headers: { Upgrade: "websocket" } });
      socket?.accept();
      for (let ranMs = paceMs; ranMs <= minutes * MINUTE; ranMs += paceMs) {
        await live(paceMs);
        const progress = { current: ranMs, total: null, unit: "ms", stage: null, message: null };
        socket?.send(JSON.stringify({ report: { progress, logs: [] }, isHeartbeat: true }));
        if (ranMs % PING_MS === 0) {
          bill("socketMessages");
          socket?.send(pingOf(lease));
        }
        await vi.waitFor(async () => {
          const seen = (await hold(life.id, tenant).api().read())?.job.progress?.current;
          if (seen !== ranMs) throw new Error(`progress is ${seen}`);
        }, PATIENCE);
      }
    },

    /** The job's webhook is delivered at the first try. */
    async deliver({ id, api }: Life): Promise<void> {
      const message = await vi.waitFor(() => {
        const [first] = parkedDeliveries(id);
        if (!first) throw new Error("no delivery yet");
        return first;
      }, PATIENCE);
      bill("workerRequests");
      await api().delivery(message.deliveryId, 1);
      const outcome = { startedAt: Date.now(), status: 200, error: null, durationMs: 80, retryAfterMs: null };
      await api().recordDelivery(message.deliveryId, 1, outcome);
    },

    /** Lives on until every job's time is over and it has purged itself. The partition's daily alarm is no job's. */
    async outlive(): Promise<void> {
      await live(policy.retentionMs + DAY, () => lives);
      for (const { id } of lives.slice(1))
        if ((await hold(id, tenant).api().read()) !== null) throw new Error(`${id} was not purged`);
    },

    /** One job that stays, so that everything there is to make once has been made. */
    async warmUp(): Promise<void> {
      const years: Partial<Policy> = { retentionMs: 400 * DAY };
      const life = await submit({ policy: { ...policy, ...years } });
      await start(life);
      await succeed(life);
      await live(2 * 60 * SECOND);
    },
  };
}

export type Tenant = ReturnType<typeof openTenant>;
