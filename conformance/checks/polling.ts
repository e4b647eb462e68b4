/** Contract 5: reading a job again and again. */

import { claim, equal, matches } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import { jobOf } from "../client.ts";
import type { Deployment } from "../deployment.ts";

async function alwaysOk({ mine }: Deployment): Promise<void> {
  const failing = { attempts: [{ outcome: "fail", kind: "invalid_input" }] };
  const [parked, running, failed] = [
    await mine.park(),
    await mine.simulate({ duration_ms: 60_000 }),
    await mine.simulate(failing),
  ];
  await mine.until(running.id, ({ status }) => status === "running");
  await mine.finished(failed.id);
  for (const { id } of [parked, running]) {
    const answer = await mine.call("GET", `/v1/jobs/${id}`);
    jobOf(answer, 200);
    matches(answer.headers.get("Retry-After"), /^[1-9]\d*$/, "Retry-After of an unfinished job");
  }
  const answer = await mine.call("GET", `/v1/jobs/${failed.id}`);
  jobOf(answer, 200);
  equal(answer.headers.get("Retry-After"), null, "Retry-After of a finished job");
}

async function notModified({ mine }: Deployment): Promise<void> {
  const { id } = await mine.park();
  const first = await mine.call("GET", `/v1/jobs/${id}`);
  const tag = String(first.headers.get("ETag"));
  for (const header of [tag, `W/${tag}`, `"other", ${tag}`, `"a,b", W/${tag} , "x"`, "*"]) {
    const answer = await mine.call("GET", `/v1/jobs/${id}`, { headers: { "If-None-Match": header } });
    equal([answer.status, answer.text], [304, ""], `the answer to If-None-Match: ${header}`);
    equal(answer.headers.get("ETag"), tag, "the ETag of the 304");
    equal(
      answer.headers.get("Cache-Control"),
      first.headers.get("Cache-Control"),
      "Cache-Control of the 304",
    );
    claim(answer.headers.has("Access-Control-Expose-Headers"), "the 304 has no CORS headers");
  }
  for (const header of ['"0"', "nonsense", `"${tag.slice(1, -1)}0"`]) {
    const answer = await mine.call("GET", `/v1/jobs/${id}`, { headers: { "If-None-Match": header } });
    equal(answer.status, 200, `the status for If-None-Match: ${header}`);
  }
}

async function modified({ mine }: Deployment): Promise<void> {
  const { id } = await mine.park();
  const tag = String((await mine.call("GET", `/v1/jobs/${id}`)).headers.get("ETag"));
  await mine.cancel(id);
  const answer = await mine.call("GET", `/v1/jobs/${id}`, { headers: { "If-None-Match": tag } });
  equal(jobOf(answer, 200).status, "cancelled", "the job after it changed");
  claim(answer.headers.get("ETag") !== tag, "the ETag is still the old one");
}

export const pollingChecks: readonly Check[] = [
  check("contract 5", "a GET is 200 whatever the status, with Retry-After until it has finished", alwaysOk),
  check(
    "RFC 9110 13.1.2",
    "If-None-Match: weakly compared, lists and *; a 304 keeps its headers",
    notModified,
  ),
  check("RFC 9110 13.1.2", "a job that changed is 200 with another ETag", modified),
];
