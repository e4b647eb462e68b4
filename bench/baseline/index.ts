/**
 * The baseline: the least that a Worker must do to store work in a Durable Object and run it. Accepting creates one
 * object, named by the Idempotency-Key if there is one, writes one row, sets one alarm and sends one message. Reading
 * reads the row. There is no authentication, validation, comparison of requests, log or job.
 */

import { DurableObject } from "cloudflare:workers";
import { Hono } from "hono";

type Env = { OBJECTS: DurableObjectNamespace<BaselineObject>; QUEUE: Queue };

/** As far ahead as the service's first alarm, which must not fire during the measurement. */
const ALARM_MS = 600_000;

export class BaselineObject extends DurableObject<Env> {
  async accept(id: string, text: string): Promise<void> {
    this.ctx.storage.kv.put("row", text);
    void this.ctx.storage.setAlarm(Date.now() + ALARM_MS);
    this.ctx.waitUntil(this.env.QUEUE.send({ id }));
  }

  async read(): Promise<string | undefined> {
    return this.ctx.storage.kv.get<string>("row");
  }

  override async alarm(): Promise<void> {}
}

const app = new Hono<{ Bindings: Env }>();

app.post("/", async (c) => {
  const { OBJECTS } = c.env;
  const key = c.req.header("Idempotency-Key");
  const objectId = key === undefined ? OBJECTS.newUniqueId() : OBJECTS.idFromName(key);
  const id = objectId.toString();
  await OBJECTS.get(objectId).accept(id, await c.req.text());
  return c.json({ id }, 202);
});

app.get("/:id", async (c) => {
  const { OBJECTS } = c.env;
  const text = await OBJECTS.get(OBJECTS.idFromString(c.req.param("id"))).read();
  return text === undefined ? c.notFound() : c.body(text, 200, { "Content-Type": "application/json" });
});

export default app;
