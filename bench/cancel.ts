/** How soon the code of a cancelled job stops, by the job's record and as a client sees it. It has no goal. */

import type { JobView } from "../src/rpc/views.ts";
import { type Benchmark, ensure, figure, type Row } from "./benchmark.ts";
import { type Client, openClient, withService } from "./client.ts";
import { median, percentile } from "./load.ts";

const JOBS = 100;

/** The client's polling interval, and so the resolution of its view. */
const LOOK_MS = 10;

export const cancel: Benchmark = {
  name: "cancel",
  title: "Stopping a running job",
  run: () =>
    withService(async ({ url, keys }) => {
      const client = openClient(url, keys.acme.full);
      const input = { duration_ms: 600_000, steps: 1_000 };
      const jobs = await Promise.all(
        Array.from({ length: JOBS }, () => client.submit("test.simulate", input)),
      );
      // Once progress above 0 is stored, the code runs and has its worker socket.
      const isUnderWay = ({ progress }: JobView) => (progress?.current ?? 0) > 0;
      await Promise.all(jobs.map(({ id }) => client.until(id, isUnderWay, 100)));
      const samples: Sample[] = [];
      for (const { id } of jobs) samples.push(await stop(client, id));
      ensure(
        samples.every(({ own }) => own >= 0),
        "a job does not say when its code stopped",
      );
      return [
        row("acknowledged_at - requested_at", samples, "own"),
        row("asked, until it was answered", samples, "answered"),
        row("asked, until the client saw it acknowledged", samples, "seen"),
      ];
    }),
};

type Sample = { own: number; answered: number; seen: number };

const cancellationOf = (job: JobView) => ("cancellation" in job ? job.cancellation : undefined);

/** Cancels a running job. Returns in milliseconds how long it went on, by its record and as seen by the client. */
async function stop(client: Client, id: string): Promise<Sample> {
  const askedAt = performance.now();
  await client.call("POST", `/v1/jobs/${id}/cancel`);
  const answered = performance.now() - askedAt;
  const stopped = await client.until(id, (job) => Boolean(cancellationOf(job)?.acknowledged_at), LOOK_MS);
  const seen = performance.now() - askedAt;
  const { requested_at = "", acknowledged_at } = cancellationOf(stopped) ?? {};
  return { own: Date.parse(String(acknowledged_at)) - Date.parse(requested_at), answered, seen };
}

function row(what: string, samples: Sample[], part: keyof Sample): Row {
  const times = samples.map((sample) => sample[part]);
  const [middle, slowest] = [median(times), percentile(times, 1)];
  return { what, service: `${figure(middle, "ms")}, at most ${figure(slowest, "ms")}` };
}
