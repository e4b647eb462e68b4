/**
 * From a job's acceptance to the start of its code. Measured by the job (started_at - created_at), and by a client from
 * sending the request until `job.started` arrives on the event stream. Once idle, once beside a steady load of jobs.
 */

import type { JobView } from "../src/rpc/views.ts";
import { type Benchmark, ensure, figure, type Row } from "./benchmark.ts";
import { type Client, openClient, withService } from "./client.ts";
import { median, percentile } from "./load.ts";

const PROBES = 150;

/** The other jobs: how many start each second, and how long each runs. */
const OTHERS_PER_SECOND = 20;
const OTHER_MS = 1_000;

export const start: Benchmark = {
  name: "start",
  title: "From accepted to running",
  run: () =>
    withService(async ({ url, keys }) => {
      const client = openClient(url, keys.acme.full);
      await probes(client, 20);
      const idle = await probes(client, PROBES);
      const others = openOthers(openClient(url, keys.globex.full));
      const busy = await probes(client, PROBES);
      await others.end();
      return [...rows("idle queue", idle), ...rows("busy queue", busy)];
    }),
};

type Probe = { own: number; seen: number };

async function probes(client: Client, count: number): Promise<Probe[]> {
  const found: Probe[] = [];
  while (found.length < count) found.push(await probe(client));
  return found;
}

async function probe(client: Client): Promise<Probe> {
  const sentAt = performance.now();
  const { id } = await client.submit("test.simulate", { heartbeats: false });
  await untilStarted(client, id);
  const seen = performance.now() - sentAt;
  const { created_at, started_at } = await client.until(id, ({ status }) => status === "succeeded", 5);
  return { own: Date.parse(started_at ?? "") - Date.parse(created_at), seen };
}

/** Resolves when the event stream delivers `job.started`. */
async function untilStarted(client: Client, id: string): Promise<void> {
  const headers = { ...client.headers, Accept: "text/event-stream" };
  const { body } = await client.ask("GET", `/v1/jobs/${id}/events`, { headers });
  let text = "";
  for await (const part of body ?? []) {
    text += Buffer.from(part).toString("latin1");
    if (text.includes("event: job.started")) return;
  }
  throw new Error(`The events of ${id} ended without its start.`);
}

/** Submits jobs at a steady rate until `end`, which throws unless all of them have succeeded. */
function openOthers(client: Client) {
  const jobs: Promise<JobView>[] = [];
  const input = { duration_ms: OTHER_MS, steps: 2 };
  const timer = setInterval(
    () => jobs.push(client.submit("test.simulate", input)),
    1_000 / OTHERS_PER_SECOND,
  );
  return {
    async end(): Promise<void> {
      clearInterval(timer);
      for (const { id } of await Promise.all(jobs)) {
        const { status } = await client.until(id, (job) => job.finished_at !== null, 100);
        ensure(status === "succeeded", `job ${id} is ${status}`);
      }
    },
  };
}

function rows(state: string, found: Probe[]): Row[] {
  const text = (times: number[]) =>
    `${figure(median(times), "ms")}, 99 % within ${figure(percentile(times, 0.99), "ms")}`;
  const own = found.map((probe) => probe.own);
  ensure(own.every(Number.isFinite), "a job does not say when it started");
  return [
    { what: `${state}: started_at - created_at`, service: text(own) },
    { what: `${state}: sent, until the client saw it started`, service: text(found.map(({ seen }) => seen)) },
  ];
}
