/**
 * The lives whose cost is counted: each from its request to its purge, by the calls the Worker makes. What only the
 * Worker does is billed by hand: a request for each `POST`, one for each invocation of a consumer (a batch of one).
 */

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import type { Policy, Submission } from "../../src/core/job.ts";
import { DAY, SECOND } from "../../src/core/time.ts";
import { type JobApi, jobObject, submissionObject } from "../../src/rpc/job.ts";
import { partitionOf } from "../../src/rpc/job-index.ts";
import { alarmOf, hold, nothing, pass, policy, submission } from "../support/objects.ts";
import { parkedDeliveries, parkedFor } from "../support/parked.ts";
import { bill, meteredEnv } from "./meter.ts";

/** As the run's reporter has it: news at most every second, and every 300th part of the time it has run. */
const newsMs = (ranMs: number) => Math.max(SECOND, ranMs / 300);

export type Life = { id: string; api: () => JobApi };
type Held = ReturnType<typeof hold>;
type Ringing = Pick<Held, "stub">;

/** A tenant of its own, with a listing that has been in use: its tables and its alarm are there. */
export function openTenant() {
  const tenant = `parked-${crypto.randomUUID().slice(0, 8)}`;
  const lives: Held[] = [];

  async function submit(changes: Partial<Submission> = {}): Promise<Life> {
    const asked = submission({ tenant, ...changes });
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
    });
    bill("workerRequests");
    if ((await api().start(attempt, 0, `lease ${attempt}`)) === null) throw new Error("not claimed");
  }

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

    /** A run of ten minutes that says every second how far it is, over its line and under its lease. */
    async runForTenMinutes(life: Life): Promise<void> {
      await start(life);
      const line = await life
        .api()
        .fetch("https://job/worker?lease=lease 1", { headers: { Upgrade: "websocket" } });
      line.webSocket?.accept();
      for (let ranMs = 0; ranMs < 600 * SECOND; ) {
        const stepMs = newsMs(ranMs);
        await live(stepMs);
        ranMs += stepMs;
        const progress = { current: ranMs, total: 600 * SECOND, unit: "ms", stage: null, message: null };
        await life.api().report("lease 1", { progress, logs: [] }, true);
      }
      await succeed(life);
      line.webSocket?.close(1000);
    },

    /** The job's webhook is delivered at the first try. */
    async deliver({ id, api }: Life): Promise<void> {
      const message = await vi.waitFor(() => {
        const [first] = parkedDeliveries(id);
        if (!first) throw new Error("no delivery yet");
        return first;
      });
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
