/** Webhooks over the wire: a real receiver, verified by the standard's own library, in every mood a receiver can be. */

import type { ServerResponse } from "node:http";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startRestartable } from "../../scripts/restartable.ts";
import type { DeliveryView } from "../../src/rpc/views.ts";
import { type Client, openClient } from "./client.ts";
import { answering, type Behaviour, type Received, type Receiver, startReceiver } from "./receiver.ts";
import { useOwnService } from "./service.ts";

const service = useOwnService();
let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(() => receiver?.stop());

const SECOND = 1_000;

/** The contract's first wait, with the jitter and a slow machine. */
const FIRST_WAIT_MS = { min: 5 * SECOND, max: 15 * SECOND };

async function deliveriesOf(client: Client, id: string): Promise<DeliveryView[]> {
  const { status, data } = await client.call<DeliveryView[]>("GET", `/v1/jobs/${id}/deliveries`);
  expect(status).toBe(200);
  return data;
}

/** Waits until the job's only delivery is as wanted. */
function deliveryOnce(client: Client, id: string, isWanted: (delivery: DeliveryView) => boolean) {
  const look = async () => {
    const [delivery] = await deliveriesOf(client, id);
    if (!delivery || !isWanted(delivery)) throw new Error(`still waiting for ${JSON.stringify(delivery)}`);
    return delivery;
  };
  return vi.waitFor(look, { interval: 100, timeout: 40 * SECOND });
}

const wasTried = (times: number) => (delivery: DeliveryView) => delivery.attempts.length >= times;

/** A job of acme that succeeds at once and tells the hook so. */
async function jobTelling(name: string, ...behaviours: Behaviour[]) {
  const hook = receiver.hook(name, ...behaviours);
  const id = await service.acme.simulate({ result: { told: name } }, { webhook: { url: hook.url } });
  return { id, ...hook };
}

/** Throws unless the message is the tenant's and unharmed; answers what it says. */
async function verified(client: Client, { body, headers }: Received) {
  const { data } = await client.call<{ secret: string }>("GET", "/v1/webhook-secret");
  return new Webhook(data.secret).verify(body, headers as Record<string, string>);
}

test.concurrent("after a 500 the same message comes again, under the same id and newly signed", async () => {
  const { id, received } = await jobTelling("broken", answering(500), answering(200));
  const failed = await deliveryOnce(service.acme, id, wasTried(1));
  expect(failed).toMatchObject({ status: "pending", attempts: [{ status: 500 }] });
  expect(await service.acme.read(id)).toMatchObject({ status: "succeeded" });
  const delivery = await deliveryOnce(service.acme, id, wasTried(2));
  expect(delivery).toMatchObject({ status: "succeeded", attempts: [{ status: 500 }, { status: 200 }] });

  const [first, second] = received;
  if (!first || !second) throw new Error("it was not tried twice");
  expect(second.headers["webhook-id"]).toBe(first.headers["webhook-id"]);
  expect(second.headers["webhook-signature"]).not.toBe(first.headers["webhook-signature"]);
  expect(second.at - first.at).toBeGreaterThanOrEqual(FIRST_WAIT_MS.min);
  expect(second.at - first.at).toBeLessThan(FIRST_WAIT_MS.max);
  expect(await verified(service.acme, second)).toEqual(await verified(service.acme, first));
  expect(service.logOf(id).filter(({ event }) => event === "delivery_failed")).toMatchObject([
    { status: 500 },
  ]);
});

test.concurrent("a redirect is a failure and is not followed", async () => {
  const elsewhere = receiver.hook("elsewhere", answering(200));
  const { id } = await jobTelling("moved", answering(302, { Location: elsewhere.url }));
  const delivery = await deliveryOnce(service.acme, id, wasTried(2));
  expect(delivery).toMatchObject({ status: "pending", attempts: [{ status: 302 }, { status: 302 }] });
  expect(elsewhere.received).toEqual([]);
});

test.concurrent("receivers that hang are given up after 15 s, and delay no job and no other delivery", async () => {
  const halfAnswer = (response: ServerResponse) => void response.writeHead(200).write("half");
  const hanging = await Promise.all(
    Array.from({ length: 20 }, (_, n) => jobTelling(`hangs-${n}`, n % 2 ? () => undefined : halfAnswer)),
  );
  await vi.waitFor(
    () => expect(hanging.every(({ received }) => received.length > 0)).toBe(true),
    10 * SECOND,
  );

  const beganAt = Date.now();
  const { id } = await jobTelling("beside", answering(200));
  await service.acme.finished(id);
  await deliveryOnce(service.acme, id, wasTried(1));
  expect(Date.now() - beganAt).toBeLessThan(5 * SECOND);

  const deliveries = await Promise.all(hanging.map((job) => deliveryOnce(service.acme, job.id, wasTried(1))));
  for (const { attempts } of deliveries) {
    expect(attempts[0]).toMatchObject({ status: null, error: "timeout" });
    expect(attempts[0]?.duration_ms).toBeGreaterThanOrEqual(15 * SECOND - 50);
    expect(attempts[0]?.duration_ms).toBeLessThan(20 * SECOND);
  }
});

test.concurrent("an answer of 10 MB is refused after its beginning, and shown nowhere", async () => {
  let wasCutOff = false;
  const talkative: Behaviour = (response) => {
    response.once("close", () => {
      wasCutOff = !response.writableFinished;
    });
    response.writeHead(200, { "Content-Type": "text/plain" }).end("words of the receiver ".repeat(480_000));
  };
  const { id } = await jobTelling("talks", talkative);
  const delivery = await deliveryOnce(service.acme, id, wasTried(1));
  expect(delivery).toMatchObject({ status: "succeeded", attempts: [{ status: 200 }] });
  await vi.waitFor(() => expect(wasCutOff).toBe(true), 5 * SECOND);
  expect(JSON.stringify([delivery, service.logOf(id)])).not.toContain("words of");
});

test.concurrent("a connection that breaks, or is refused, is tried again", async () => {
  const { id } = await jobTelling("breaks", (response) => void response.destroy(), answering(200));
  const delivery = await deliveryOnce(service.acme, id, wasTried(2));
  expect(delivery.attempts).toMatchObject([{ status: null, error: "unreachable" }, { status: 200 }]);
});

test("a delivery outlives kill -9 of the service and an absence of its receiver", async () => {
  const doomed = await startReceiver();
  doomed.stop();
  const restartable = await startRestartable();
  try {
    const client = openClient(restartable.url, restartable.keys.acme.full);
    const webhook = { url: `http://localhost:${doomed.port}/back` };
    const id = await client.simulate({}, { webhook });
    await deliveryOnce(client, id, wasTried(1));
    await restartable.kill();
    const back = await startReceiver(doomed.port);
    const { received } = back.hook("back", answering(200));
    await restartable.restart();
    const delivery = await deliveryOnce(client, id, ({ status }) => status === "succeeded");
    expect(delivery.attempts[0]).toMatchObject({ status: null, error: "unreachable" });
    expect(new Set(received.map(({ headers }) => headers["webhook-id"]))).toEqual(new Set([delivery.id]));
    back.stop();
  } finally {
    await restartable.discard();
  }
});
