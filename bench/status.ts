/**
 * Reading a job's status beside the baseline, which reads one row of one object. Once the answer is the job, once a 304
 * for If-None-Match. The baseline has no 304 and returns its row both times.
 */

import { type Benchmark, figure, type Row } from "./benchmark.ts";
import type { Load } from "./load.ts";
import { clientHeaders, compare, summary, withBoth } from "./side-by-side.ts";

const plan = { rounds: 9, amount: 4_000, connections: 16 };

export const status: Benchmark = {
  name: "status",
  title: "Reading a status ÷ the baseline",
  run: () =>
    withBoth(async (service, baseline) => {
      const headers = await clientHeaders();
      const body = JSON.stringify({ type: "test.simulate", input: {} });
      const job = await made(`${service.url}/v1/jobs`, headers, body);
      const row = await made(`${baseline.url}/`, headers, body);
      const whole: Load = { url: service.url + job.path, headers, status: 200 };
      const unchanged: Load = { ...whole, headers: { ...headers, "If-None-Match": job.etag }, status: 304 };
      const other = {
        native: baseline,
        leaves: "nothing" as const,
        asked: { url: baseline.url + row.path, status: 200 },
      };
      const rows: Row[] = [];
      for (const [what, asked] of [
        ["the job, 200", whole],
        ["If-None-Match, 304", unchanged],
      ] as const) {
        const found = await compare({ native: service, leaves: "nothing", asked }, other, plan);
        const perSecond = summary(found, (side) => side.perSecond, "more");
        rows.push({
          what: `${what}, 16 connections`,
          service: figure(perSecond.service, "/s"),
          other: figure(perSecond.baseline, "/s"),
          ratio: perSecond.ratio,
        });
      }
      return rows;
    }),
};

/** Submits, and returns the path and ETag of the new resource. */
async function made(url: string, headers: Record<string, string>, body: string) {
  const answer = await fetch(url, { method: "POST", headers, body });
  if (answer.status !== 202) throw new Error(`POST ${url}: ${answer.status} ${await answer.text()}`);
  const { id } = (await answer.json()) as { id?: string };
  return { path: answer.headers.get("Location") ?? `/${id}`, etag: answer.headers.get("ETag") ?? "" };
}
