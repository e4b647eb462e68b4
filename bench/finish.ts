/**
 * A thousand trivial pieces of work, from the first request until the client has seen all of them finished: jobs of
 * the service beside Cloudflare Workflows with one step. Both are served by one runtime, both store each piece before they
 * answer, and the same client asks both the same way, in turn.
 */

import { setTimeout as pause } from "node:timers/promises";
import { atLeast, type Benchmark, ensure, figure, type Row } from "./benchmark.ts";
import { eachOf, openClient } from "./client.ts";
import { median } from "./load.ts";
import { type OneRuntime, withOneRuntime } from "./one-runtime.ts";

const JOBS = 1_000;
const AT_ONCE = 16;
const ROUNDS = 3;
const GOAL = 2;

/** Between two polls of unfinished work. */
const LOOK_MS = 20;

/** How to ask for a piece of work, and whether it has finished; `isFinished` rejects if it has failed. */
type Peer = { submit: () => Promise<string>; isFinished: (id: string) => Promise<boolean> };

export const finish: Benchmark = {
  name: "finish",
  title: "1,000 jobs, accepted to finished ÷ Cloudflare Workflows",
  run: async () => [
    await withOneRuntime(null, (runtime) => rowOf("", runtime)),
    await withOneRuntime("bench/direct/index.ts", (runtime) => rowOf(", without a queue", runtime)),
  ],
};

async function rowOf(what: string, { serviceUrl, workflowsUrl, keys }: OneRuntime): Promise<Row> {
  const workflows = workflowsPeer(workflowsUrl);
  // A key may ask 10,000 times a minute, so the rounds are shared among two.
  const services = keys.map((key) => servicePeer(serviceUrl, key));
  const rounds: { service: number; workflows: number }[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const service = services[round % services.length];
    ensure(service !== undefined, "there is no key");
    rounds.push({ service: await secondsFor(service), workflows: await secondsFor(workflows) });
  }
  const warm = rounds.slice(1);
  const ratio = median(warm.map((round) => round.workflows / round.service));
  return {
    what: `${JOBS.toLocaleString("en")} seen finished, ${AT_ONCE} at a time${what}`,
    service: figure(median(warm.map((round) => round.service)), "s"),
    other: figure(median(warm.map((round) => round.workflows)), "s"),
    ratio,
    goal: atLeast(GOAL, ratio),
  };
}

async function secondsFor({ submit, isFinished }: Peer): Promise<number> {
  const startedAt = performance.now();
  const ids = await eachOf(Array.from({ length: JOBS }), AT_ONCE, submit);
  await eachOf(ids, AT_ONCE, async (id) => {
    while (!(await isFinished(id))) await pause(LOOK_MS);
  });
  ensure(new Set(ids).size === JOBS, "two pieces of work have one id");
  return (performance.now() - startedAt) / 1_000;
}

function servicePeer(url: string, key: string): Peer {
  const client = openClient(url, key);
  return {
    submit: async () => (await client.submit("test.simulate", { heartbeats: false })).id,
    async isFinished(id) {
      const { status } = await client.call("GET", `/v1/jobs/${id}`);
      ensure(status !== "failed" && status !== "cancelled", `job ${id} is ${status}`);
      return status === "succeeded";
    },
  };
}

function workflowsPeer(url: string): Peer {
  return {
    async submit() {
      const answer = await fetch(url, { method: "POST", body: "{}" });
      ensure(answer.status === 202, `an instance was not created: ${answer.status}`);
      return ((await answer.json()) as { id: string }).id;
    },
    async isFinished(id) {
      const answer = await fetch(`${url}/${id}`);
      const { status } = (await answer.json()) as { status: string };
      ensure(["queued", "running", "waiting", "complete"].includes(status), `instance ${id} is ${status}`);
      return status === "complete";
    },
  };
}
