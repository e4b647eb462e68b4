/** Contract 8: webhooks as they arrive. They need a receiver that the deployment reaches; else they are skipped. */

import { setTimeout as pause } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import { claim, equal, matches, Skipped } from "../assertions.ts";
import { type Check, check, longCheck } from "../check.ts";
import { type Client, dataOf, problemOf } from "../client.ts";
import type { Deployment } from "../deployment.ts";
import type { Hook, Received, Reply } from "../receiver.ts";
import { compactOf, type Delivery, type Job, TIME } from "../shapes.ts";

const OK: Reply = { status: 204 };

/** Contract 8: the first wait is about 5 s. */
const FIRST_WAIT_MS = { min: 4_500, max: 12_000 };

function hookOf({ receiver }: Deployment, ...replies: Reply[]): Hook {
  if ("unreachable" in receiver) throw new Skipped(receiver.unreachable);
  return receiver.hook(...replies);
}

/** A job that succeeds at once and tells this hook. */
async function telling(deployment: Deployment, replies: Reply[], input: object = {}, webhook: object = {}) {
  const hook = hookOf(deployment, ...replies);
  const job = await deployment.mine.simulate(input, { webhook: { url: hook.url, ...webhook } });
  return { id: job.id, hook };
}

/** The job's only delivery, once it is as wanted. */
async function deliveryOf(
  { mine }: Deployment,
  id: string,
  isWanted: (delivery: Delivery) => boolean,
): Promise<Delivery> {
  for (const overAt = Date.now() + 30_000; ; await pause(100)) {
    const [delivery] = dataOf<Delivery[]>(await mine.call("GET", `/v1/jobs/${id}/deliveries`), 200);
    if (delivery && isWanted(delivery)) return delivery;
    claim(Date.now() < overAt, `the delivery is still ${JSON.stringify(delivery)}`);
  }
}

const triedTimes = (times: number) => (delivery: Delivery) => delivery.attempts.length >= times;

async function secretOf(client: Client): Promise<string> {
  return dataOf<{ secret: string }>(await client.call("GET", "/v1/webhook-secret"), 200).secret;
}

type Message = { type: string; timestamp: string; data: Job };

/** What a message says; throws if the standard's own library refuses it. */
async function verified(client: Client, { body, headers }: Received): Promise<Message> {
  return new Webhook(await secretOf(client)).verify(body, headers as Record<string, string>) as Message;
}

async function arrives(deployment: Deployment): Promise<void> {
  const { id, hook } = await telling(deployment, [OK], { result: "told" });
  const delivery = await deliveryOf(deployment, id, triedTimes(1));
  const [message, ...others] = hook.received;
  claim(message && others.length === 0, `${hook.received.length} messages came`);
  const job = await deployment.mine.read(id);
  const wanted = { type: "job.succeeded", timestamp: job.finished_at, data: compactOf(job) };
  equal(await verified(deployment.mine, message), wanted, "the message");
  equal([message.method, message.headers["content-type"]], ["POST", "application/json"], "method and type");
  equal(message.headers["webhook-id"], delivery.id, "webhook-id");
  matches(String(message.headers["webhook-timestamp"]), /^\d{10}$/, "webhook-timestamp");
  matches(
    String(message.headers["webhook-signature"]),
    /^v1,[A-Za-z0-9+/]+=*( v1,\S+)*$/,
    "webhook-signature",
  );
}

async function listed(deployment: Deployment): Promise<void> {
  const { id } = await telling(deployment, [OK]);
  const delivery = await deliveryOf(deployment, id, triedTimes(1));
  const [attempt] = delivery.attempts;
  equal(
    [delivery.event, delivery.status, delivery.next_attempt_at],
    ["job.succeeded", "succeeded", null],
    "the delivery",
  );
  equal([attempt?.status, attempt?.error], [204, null], "the try");
  matches(attempt?.started_at, TIME, "the time of the try");
  claim(Number.isInteger(attempt?.duration_ms), `the duration is ${attempt?.duration_ms}`);
}

async function secrets({ mine, theirs, reader, receiver }: Deployment): Promise<void> {
  if ("unreachable" in receiver && (await mine.call("GET", "/v1/webhook-secret")).status === 404)
    throw new Skipped("the deployment sends no webhooks");
  const [own, other] = [await secretOf(mine), await secretOf(theirs)];
  matches(own, /^whsec_[A-Za-z0-9+/]{32,}=*$/, "the secret");
  claim(own !== other, "two tenants have one secret");
  problemOf(await reader.call("GET", "/v1/webhook-secret"), 403, "forbidden");
}

async function othersCannotVerify(deployment: Deployment): Promise<void> {
  const { hook } = await telling(deployment, [OK]);
  const [message] = await hook.heard(1);
  claim(message, "nothing came");
  const isFooled = await verified(deployment.theirs, message).then(
    () => true,
    () => false,
  );
  claim(!isFooled, "another tenant's secret verifies the message");
}

async function retried(deployment: Deployment): Promise<void> {
  const { id, hook } = await telling(deployment, [{ status: 500 }, OK]);
  const failed = await deliveryOf(deployment, id, triedTimes(1));
  equal(failed.status, "pending", "the status after a 500");
  const [first, second] = await hook.heard(2);
  claim(first && second, "it was not tried twice");
  const waitMs = second.at - first.at;
  claim(waitMs >= FIRST_WAIT_MS.min && waitMs <= FIRST_WAIT_MS.max, `the second try came after ${waitMs} ms`);
  equal(second.headers["webhook-id"], first.headers["webhook-id"], "webhook-id of the second try");
  await verified(deployment.mine, second);
  equal((await deliveryOf(deployment, id, triedTimes(2))).status, "succeeded", "the status after a 204");
}

async function redirected(deployment: Deployment): Promise<void> {
  const elsewhere = hookOf(deployment, OK);
  const { id, hook } = await telling(deployment, [{ status: 307, headers: { Location: elsewhere.url } }, OK]);
  await deliveryOf(deployment, id, triedTimes(2));
  equal(
    [hook.received.length, elsewhere.received.length],
    [2, 0],
    "the requests here and where the redirect led",
  );
}

async function goneAndRedelivered(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const { id, hook } = await telling(deployment, [{ status: 410 }, OK]);
  const given = await deliveryOf(deployment, id, triedTimes(1));
  equal([given.status, given.next_attempt_at], ["failed", null], "the delivery after a 410");
  const path = `/v1/jobs/${id}/deliveries/${given.id}/redeliver`;
  dataOf<Delivery>(await mine.call("POST", path), 202);
  const again = await deliveryOf(deployment, id, triedTimes(2));
  equal(again.status, "succeeded", "the delivery sent again");
  equal(new Set(hook.received.map(({ headers }) => headers["webhook-id"])), new Set([given.id]), "the ids");
  problemOf(await mine.call("POST", `/v1/jobs/${id}/deliveries/msg_absent/redeliver`), 404, "not_found");
}

async function patience(deployment: Deployment): Promise<void> {
  for (const status of [429, 503]) {
    const { id } = await telling(deployment, [{ status, headers: { "Retry-After": "120" } }]);
    const { attempts, next_attempt_at } = await deliveryOf(deployment, id, triedTimes(1));
    const waitMs = Date.parse(next_attempt_at ?? "") - Date.parse(attempts[0]?.started_at ?? "");
    claim(waitMs >= 120_000, `after ${status} with Retry-After: 120 it comes again in ${waitMs} ms`);
  }
}

async function chosenEvents(deployment: Deployment): Promise<void> {
  const { hook } = await telling(deployment, [OK], {}, { events: ["job.started", "job.queued"] });
  const received = await hook.heard(2);
  const types = received.map(({ body }) => (JSON.parse(body) as Message).type);
  equal(types.toSorted(), ["job.queued", "job.started"], "the events");
}

async function finalsByDefault(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const failed = await telling(deployment, [OK], { attempts: [{ outcome: "fail", kind: "not_found" }] });
  const cancelled = await telling(deployment, [OK], { duration_ms: 60_000 });
  await mine.cancel(cancelled.id);
  for (const [{ hook }, type] of [
    [failed, "job.failed"],
    [cancelled, "job.cancelled"],
  ] as const) {
    const [message] = await hook.heard(1);
    equal((JSON.parse(message?.body ?? "{}") as Message).type, type, "the event");
  }
}

async function largeResult(deployment: Deployment): Promise<void> {
  const { hook } = await telling(deployment, [OK], { result: "x".repeat(17 * 1024) });
  const [message] = await hook.heard(1);
  claim(
    !("result" in (JSON.parse(message?.body ?? "{}") as Message).data),
    "a result of 17 KiB stands in the message",
  );
}

export const deliveryChecks: readonly Check[] = [
  check(
    "Standard Webhooks 1.0",
    "a message arrives once, and the standard's own library verifies it",
    arrives,
  ),
  check("contract 8", "deliveries list every try with time, status and duration", listed),
  check("contract 8", "each tenant has its own whsec_ secret, for keys that may write", secrets),
  check("Standard Webhooks 1.0", "another tenant's secret does not verify", othersCannotVerify),
  longCheck("contract 8", "after a 500 it comes again in about 5 s, under the same webhook-id", retried),
  longCheck("contract 8", "a redirect is a failure and is not followed", redirected),
  check("contract 8", "410 stops it; redeliver sends it again under the same webhook-id", goneAndRedelivered),
  check("contract 8", "Retry-After of 429 and 503 is honoured", patience),
  check("contract 8", "events chosen by name are told, and no others", chosenEvents),
  check("contract 8", "without a choice the three final events are told", finalsByDefault),
  check("contract 8", "a result above 16 KiB is left out of the message", largeResult),
];
