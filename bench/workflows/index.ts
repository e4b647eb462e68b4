/** Work accepted by Cloudflare Workflows: an instance of one step that does nothing, and its status. */

import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from "cloudflare:workers";
import { Hono } from "hono";

type Env = { ONE_STEP: Workflow };

export class OneStep extends WorkflowEntrypoint<Env> {
  override async run(_event: WorkflowEvent<unknown>, step: WorkflowStep): Promise<unknown> {
    return step.do("work", async () => null);
  }
}

const app = new Hono<{ Bindings: Env }>();

app.post("/", async (c) => {
  const { id } = await c.env.ONE_STEP.create({ params: await c.req.json() });
  return c.json({ id }, 202);
});

app.get("/:id", async (c) => {
  const instance = await c.env.ONE_STEP.get(c.req.param("id"));
  return c.json(await instance.status());
});

export default app;
