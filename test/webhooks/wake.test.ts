/** The wake call of a tenant's fleet: what it says, and how often it is tried. */

import { env } from "cloudflare:workers";
import { Webhook } from "standardwebhooks";
import { afterEach, expect, test, vi } from "vitest";
import type { Env } from "../../src/env.ts";
import { tenantSecret } from "../../src/webhooks/sign.ts";
import { wakeFleet } from "../../src/webhooks/wake.ts";
import { captureLog } from "../support/log.ts";

afterEach(() => vi.restoreAllMocks());

const message = {
  tenant: "parked",
  queue: "video",
  types: ["video.transcode"],
  waiting: 3,
  url: "https://fleet.example.com/wake",
};

function answerWith(...statuses: number[]): Request[] {
  const received: Request[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (url, init) => {
    received.push(new Request(url as string, init));
    return new Response(null, { status: statuses[received.length - 1] ?? 500 });
  });
  return received;
}

test("jobs wait → the fleet is told, signed by Standard Webhooks", async () => {
  const received = answerWith(204);
  await wakeFleet(message, env as Env);
  expect(received).toHaveLength(1);
  const [request] = received;
  const body = (await request?.text()) ?? "";
  expect(JSON.parse(body)).toMatchObject({
    type: "queue.waiting",
    data: { queue: "video", types: ["video.transcode"], waiting: 3 },
  });
  const secret = await tenantSecret(String(env.WEBHOOK_SECRET), "parked", 1);
  expect(new Webhook(secret).verify(body, Object.fromEntries(request?.headers ?? []))).toEqual(
    JSON.parse(body),
  );
});

test("a target that is no longer allowed → not called, and logged", async () => {
  const received = answerWith(204);
  const logged = captureLog();
  await wakeFleet({ ...message, url: "http://10.0.0.1/" }, env as Env);
  expect(received).toEqual([]);
  expect(logged.map(({ event }) => event)).toContain("wake_failed");
});
