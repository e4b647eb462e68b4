/** Contract 5 and RFC 7240: answers that wait. */

import { setTimeout as pause } from "node:timers/promises";
import { claim, equal } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import { jobOf } from "../client.ts";
import type { Deployment } from "../deployment.ts";

const prefer = (value: string) => ({ Prefer: value });
const request = (duration_ms: number) => ({ type: "test.simulate", input: { duration_ms } });

async function finishedInTime({ mine }: Deployment): Promise<void> {
  const answer = await mine.call("POST", "/v1/jobs", { json: request(500), headers: prefer("wait=25") });
  const { id, status } = jobOf(answer, 200);
  equal(
    [status, answer.headers.get("Preference-Applied")],
    ["succeeded", "wait=25"],
    "status and Preference-Applied",
  );
  equal(answer.headers.get("Location"), `/v1/jobs/${id}`, "Location");
}

async function notInTime({ mine }: Deployment): Promise<void> {
  const startedAt = Date.now();
  const answer = await mine.call("POST", "/v1/jobs", { json: request(60_000), headers: prefer("wait=1") });
  jobOf(answer, 202);
  equal(answer.headers.get("Preference-Applied"), "wait=1", "Preference-Applied");
  const tookMs = Date.now() - startedAt;
  claim(tookMs >= 900 && tookMs < 10_000, `it was held for ${tookMs} ms`);
}

async function getWaits({ mine }: Deployment): Promise<void> {
  const { id } = await mine.simulate({ duration_ms: 1_500 });
  const answer = await mine.call("GET", `/v1/jobs/${id}`, { headers: prefer("respond-async, wait=30") });
  equal(jobOf(answer, 200).status, "succeeded", "the job");
  equal(answer.headers.get("Preference-Applied"), "wait=30", "Preference-Applied");
}

async function clamped({ mine }: Deployment): Promise<void> {
  const { id } = await mine.simulate();
  await mine.finished(id);
  for (const value of ["wait=999", 'wait="99999999999"', "wait=61;x=y", "WAIT=100"]) {
    const answer = await mine.call("GET", `/v1/jobs/${id}`, { headers: prefer(value) });
    equal(answer.headers.get("Preference-Applied"), "wait=55", `Preference-Applied for ${value}`);
  }
}

async function unparsable({ mine }: Deployment): Promise<void> {
  const { id } = await mine.park();
  for (const value of ["wait", "wait=", "wait=soon", "wait=-1", "wait=1.5", ",,;=", "handling=strict"]) {
    const startedAt = Date.now();
    const answer = await mine.call("GET", `/v1/jobs/${id}`, { headers: prefer(value) });
    equal(
      [answer.status, answer.headers.get("Preference-Applied")],
      [200, null],
      `the answer to Prefer: ${value}`,
    );
    claim(Date.now() - startedAt < 5_000, `Prefer: ${value} was waited for`);
  }
}

async function vary({ mine }: Deployment): Promise<void> {
  const posted = await mine.call("POST", "/v1/jobs", { json: request(0) });
  const got = await mine.call("GET", String(posted.headers.get("Location")));
  for (const { headers } of [posted, got]) {
    const names = (headers.get("Vary") ?? "").toLowerCase().split(/\s*,\s*/);
    claim(names.includes("prefer"), `Vary is ${headers.get("Vary")}`);
  }
}

async function disconnect({ mine }: Deployment): Promise<void> {
  const { id } = await mine.simulate({ duration_ms: 1_500, result: "done" });
  const left = new AbortController();
  const waiting = mine.call("GET", `/v1/jobs/${id}`, { headers: prefer("wait=30"), signal: left.signal });
  const outcome = waiting.then(
    () => "answered",
    () => "left",
  );
  await pause(300);
  left.abort();
  equal(await outcome, "left", "the client that disconnects");
  const job = await mine.finished(id);
  equal([job.status, job.attempt, job.result], ["succeeded", 1, "done"], "the job");
}

export const waitChecks: readonly Check[] = [
  check("RFC 7240 4.3", "POST with Prefer: wait, finished in time: 200", finishedInTime),
  check("RFC 7240 4.3", "POST with Prefer: wait, not finished in time: 202 when the time is over", notInTime),
  check("RFC 7240 4.3", "GET with Prefer: wait answers when the job has finished", getWaits),
  check("RFC 7240 3", "a wait above 55 is applied as 55", clamped),
  check("RFC 7240 2", "preferences that cannot be parsed are ignored", unparsable),
  check("RFC 7240 2", "Vary: Prefer", vary),
  check("contract 5", "a client that disconnects changes nothing for the job", disconnect),
];
