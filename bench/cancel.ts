/**
 * `npm run bench`: how soon a cancelled job has really stopped, over 100 running jobs of the real service.
 * Prints the median and the maximum of what the jobs say themselves and of what a client sees; it judges nothing.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startService } from "../scripts/service.ts";
import type { JobView } from "../src/job/present.ts";

const JOBS = 100;

/** How often the client looks whether the code has stopped: the client's view is no finer than this. */
const LOOK_MS = 10;

const stateDir = await mkdtemp(join(tmpdir(), "accepted-bench-"));
const service = await startService({ stateDir });

async function call(method: string, path: string, body?: object): Promise<JobView> {
  const { acme } = service.keys;
  const headers = { Authorization: `Bearer ${acme.full}`, "Content-Type": "application/json" };
  const answer = await fetch(service.url + path, {
    method,
    headers,
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { data: JobView }).data;
}

async function until(id: string, is: (job: JobView) => boolean): Promise<JobView> {
  for (;;) {
    const job = await call("GET", `/v1/jobs/${id}`);
    if (is(job)) return job;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

const cancellationOf = (job: JobView) => ("cancellation" in job ? job.cancellation : undefined);

/** Cancels a running job; answers how long it ran on, by its own account and as seen from here. */
async function cancel(id: string): Promise<{ own: number; answered: number; seen: number }> {
  const askedAt = performance.now();
  await call("POST", `/v1/jobs/${id}/cancel`);
  const answered = performance.now() - askedAt;
  const stopped = await until(id, (job) => Boolean(cancellationOf(job)?.acknowledged_at));
  const seen = performance.now() - askedAt;
  const { requested_at = "", acknowledged_at } = cancellationOf(stopped) ?? {};
  return { own: Date.parse(String(acknowledged_at)) - Date.parse(requested_at), answered, seen };
}

function print(what: string, samples: number[]): void {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (part: number) => Math.round(sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN);
  console.log(`${what.padEnd(52)} median ${String(at(0.5)).padStart(4)} ms   maximum ${at(1)} ms`);
}

try {
  const input = { duration_ms: 600_000, steps: 1_000 };
  const jobs = await Promise.all(
    Array.from({ length: JOBS }, () => call("POST", "/v1/jobs", { type: "rehearsal", input })),
  );
  // Once progress is stored a second time, the code runs and has long had its line.
  await Promise.all(jobs.map(({ id }) => until(id, ({ progress }) => (progress?.current ?? 0) > 0)));
  const samples: Awaited<ReturnType<typeof cancel>>[] = [];
  for (const { id } of jobs) samples.push(await cancel(id));
  console.log(`${JOBS} running jobs, cancelled one after another:`);
  print(
    "  acknowledged_at - requested_at",
    samples.map(({ own }) => own),
  );
  print(
    "  cancel asked, until it was answered",
    samples.map(({ answered }) => answered),
  );
  print(
    "  cancel asked, until the client saw it acknowledged",
    samples.map(({ seen }) => seen),
  );
} finally {
  await service.stop();
  await rm(stateDir, { recursive: true, force: true });
}
