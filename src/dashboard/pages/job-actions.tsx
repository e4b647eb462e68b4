/** Actions on a job: each button leads to a page that says what will happen, and its form does it. */

import { Hono } from "hono";
import type { Child } from "hono/jsx";
import { uuid } from "../../lib/runtime.ts";
import type { JobView } from "../../rpc/views.ts";
import { submittedNotice } from "../api.ts";
import { Badge, Hidden, jobPagePath } from "../components/parts.tsx";
import { show } from "../components/shell.tsx";
import type { DashboardEnv } from "../context.ts";
import { readSimpleForm } from "../form/simple.ts";
import { redirectWith } from "../notice.ts";
import { ROOT } from "../session.ts";

/** As the API takes it. */
const REASON_CHARS_MAX = 200;

/** `GET` and `POST /jobs/{id}/cancel`, `…/replay`, `…/delete`, and `POST …/deliveries/{id}/redeliver`. */
export function jobActionRoutes() {
  const routes = new Hono<DashboardEnv>();

  routes.get("/jobs/:id/cancel", async (c) => {
    const job = await c.get("api").job(c.req.param("id"));
    return show(c, { title: "Cancel the job", section: "Jobs", children: <Cancel job={job} /> });
  });

  routes.post("/jobs/:id/cancel", async (c) => {
    const reason = (await readSimpleForm(c.req.raw)).get("reason")?.trim();
    const [api, id] = [c.get("api"), c.req.param("id")];
    const before = await api.job(id);
    const job = await api.cancel(id, reason || null);
    const isBefore = before.status === "cancelled";
    return redirectWith(c, jobPagePath(job.id), isBefore ? "cancelled_before" : "cancelled");
  });

  routes.get("/jobs/:id/replay", async (c) => {
    const job = await c.get("api").job(c.req.param("id"));
    // The key makes a form that is sent twice, by a double click or by going back, one job.
    const children = <Replay job={job} idempotencyKey={`dashboard-${uuid()}`} />;
    return show(c, { title: "Replay the job", section: "Jobs", children });
  });

  routes.post("/jobs/:id/replay", async (c) => {
    const key = (await readSimpleForm(c.req.raw)).get("idempotency_key");
    const submitted = await c.get("api").replay(c.req.param("id"), key);
    return redirectWith(c, jobPagePath(submitted.data.id), submittedNotice(submitted, "replayed"));
  });

  routes.get("/jobs/:id/delete", async (c) => {
    const job = await c.get("api").job(c.req.param("id"));
    return show(c, { title: "Delete the job", section: "Jobs", children: <Delete job={job} /> });
  });

  routes.post("/jobs/:id/delete", async (c) => {
    await readSimpleForm(c.req.raw);
    const isDeleted = await c.get("api").delete(c.req.param("id"));
    return redirectWith(c, `${ROOT}/jobs`, isDeleted ? "deleted" : "deleted_before");
  });

  routes.post("/jobs/:id/deliveries/:delivery_id/redeliver", async (c) => {
    const id = c.req.param("id");
    await readSimpleForm(c.req.raw);
    await c.get("api").redeliver(id, c.req.param("delivery_id"));
    return redirectWith(c, jobPagePath(id), "redelivered");
  });

  return routes;
}

type ConfirmProps = { job: JobView; verb: "cancel" | "replay" | "delete"; effect: string; children?: Child };

function Confirm({ job, verb, effect, children }: ConfirmProps) {
  const title = `${verb.charAt(0).toUpperCase()}${verb.slice(1)} the job`;
  return (
    <>
      <h1>{title}</h1>
      <p>
        {job.type} <code>{job.id}</code> <Badge status={job.status} />
      </p>
      <p>{effect}</p>
      <form method="post" action={`${jobPagePath(job.id)}/${verb}`}>
        {children}
        <div class="row">
          <button type="submit" id="confirm" class={verb === "replay" ? "button primary" : "button danger"}>
            {title}
          </button>
          <a id="back" class="button quiet" href={jobPagePath(job.id)}>
            Back, doing nothing
          </a>
        </div>
      </form>
    </>
  );
}

function Cancel({ job }: { job: JobView }) {
  const effect =
    "A cancelled job never runs again. What its code has done so far stays done. The code is asked to stop, and " +
    "its later reports change nothing.";
  return (
    <Confirm job={job} verb="cancel" effect={effect}>
      <div class="field">
        <label for="reason">Reason</label>
        <input id="reason" name="reason" maxlength={REASON_CHARS_MAX} aria-describedby="reason-hint" />
        <p id="reason-hint" class="hint">
          Optional; shown with the job.
        </p>
      </div>
    </Confirm>
  );
}

function Replay({ job, idempotencyKey }: { job: JobView; idempotencyKey: string }) {
  const effect = "A new job of the same type and input is made and begins at once. This one stays as it is.";
  return (
    <Confirm job={job} verb="replay" effect={effect}>
      <Hidden pairs={[["idempotency_key", idempotencyKey]]} />
    </Confirm>
  );
}

function Delete({ job }: { job: JobView }) {
  const effect = "The job, its events, its result and the files it made are removed. This cannot be undone.";
  return <Confirm job={job} verb="delete" effect={effect} />;
}
