/** Contract 10: http.request, against a receiver on this machine where the deployment reaches it. */

import { claim, equal, Skipped } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import type { Deployment } from "../deployment.ts";
import type { Hook, Reply } from "../receiver.ts";
import type { Job } from "../shapes.ts";

function hookOf({ receiver }: Deployment, ...replies: Reply[]): Hook {
  if ("unreachable" in receiver) throw new Skipped(receiver.unreachable);
  return receiver.hook(...replies);
}

async function ask({ mine }: Deployment, input: object, fields: object = {}): Promise<Job> {
  return mine.finished((await mine.submit("http.request", { method: "GET", ...input }, fields)).id);
}

async function answered(deployment: Deployment): Promise<void> {
  const hook = hookOf(deployment, { status: 201, headers: { "X-Answer": "yes" }, body: "thanks" });
  const headers = { "x-question": "why" };
  const job = await ask(deployment, { url: hook.url, method: "POST", headers, body: { amount: "1.00" } });
  const result = job.result as { status: number; headers: Record<string, string>; body: unknown };
  equal([job.status, result.status, result.body], ["succeeded", 201, "thanks"], "the result");
  equal(result.headers["x-answer"], "yes", "a header of the answer");
  const [received] = hook.received;
  equal([received?.method, received?.body], ["POST", '{"amount":"1.00"}'], "the request");
  equal(received?.headers["x-question"], "why", "a header of the request");
}

async function temporary(deployment: Deployment): Promise<void> {
  const statuses = [408, 425, 429, 500, 503];
  await Promise.all(
    statuses.map(async (status) => {
      const hook = hookOf(deployment, { status }, { status: 200 });
      const job = await ask(deployment, { url: hook.url });
      equal([job.status, job.attempt], ["succeeded", 2], `a job whose first answer was ${status}`);
    }),
  );
}

async function retryAfter(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const hook = hookOf(deployment, { status: 503, headers: { "Retry-After": "60" } });
  const { id } = await mine.submit("http.request", { url: hook.url, method: "GET" });
  const job = await mine.until(id, ({ attempts }) => attempts[0]?.status === "failed");
  const waitMs = Date.parse(job.next_attempt_at ?? "") - Date.parse(job.attempts[0]?.finished_at ?? "");
  claim(waitMs >= 59_000, `the next attempt is ${waitMs} ms later`);
}

async function permanent(deployment: Deployment): Promise<void> {
  for (const status of [400, 401, 404, 422]) {
    const hook = hookOf(deployment, { status });
    const job = await ask(deployment, { url: hook.url });
    equal(
      [job.status, job.status_reason, job.attempt],
      ["failed", "permanent_failure", 1],
      `a job answered ${status}`,
    );
  }
}

async function large(deployment: Deployment): Promise<void> {
  const body = "0123456789abcdef".repeat(20_000);
  const hook = hookOf(deployment, { status: 200, headers: { "Content-Type": "text/plain" }, body });
  const job = await ask(deployment, { url: hook.url });
  const { file } = (job.result as { body: { file: string } }).body;
  claim(typeof file === "string", "a body of 320,000 bytes stands in the result");
  equal(
    (await deployment.mine.call("GET", `/v1/files/${file}`)).text.length,
    body.length,
    "the length of its file",
  );
}

export const httpRequestChecks: readonly Check[] = [
  check("contract 10", "http.request: the result is status, headers and body", answered),
  check("contract 10", "http.request: 408, 425, 429 and 5xx are tried again", temporary),
  check("contract 10", "http.request: Retry-After is honoured", retryAfter),
  check("contract 10", "http.request: other 4xx fail at once", permanent),
  check("contract 10", "http.request: a body above 256 KiB becomes a file", large),
];
