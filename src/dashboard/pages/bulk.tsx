/** Doing the same to all jobs that match a filter: first how many that is, then a job that does it. */

import { type Context, Hono } from "hono";
import { uuid } from "../../lib/runtime.ts";
import { ApiError, type BulkAction, type BulkCount, type OrApiError, orApiError } from "../api.ts";
import { ApiErrorNotice, Hidden, jobPagePath } from "../components/parts.tsx";
import { show } from "../components/shell.tsx";
import type { DashboardEnv } from "../context.ts";
import {
  badMetadata,
  bulkFilter,
  filterPairs,
  filterWords,
  isFiltered,
  type ListFilter,
  readFilter,
} from "../filter.ts";
import { readSimpleForm } from "../form/simple.ts";
import { pluralize } from "../labels.ts";
import { redirectWith } from "../notice.ts";
import { ROOT } from "../session.ts";
import { notFoundPage } from "./errors.tsx";

const actions: Record<BulkAction, { verb: string; effect: string }> = {
  cancel: {
    verb: "Cancel",
    effect: "They are stopped, at a measured pace, and never run again.",
  },
  replay: {
    verb: "Replay",
    effect:
      "For each one a new job of the same type and input is made, at a measured pace; they stay as they are.",
  },
  delete: {
    verb: "Delete",
    effect: "They are removed with their events, results and files. This cannot be undone.",
  },
};

/** `GET` and `POST /bulk`. */
export function bulkPageRoutes() {
  const routes = new Hono<DashboardEnv>();

  routes.get("/bulk", async (c) => {
    const query = new URL(c.req.url).searchParams;
    const filter = readFilter(query);
    const action = actionOf(query.get("action"));
    if (!action || badMetadata(filter).length > 0) return notFoundPage(c);
    const counted = await orApiError(c.get("api").count(action, bulkFilter(filter)));
    return confirm(c, action, filter, counted);
  });

  routes.post("/bulk", async (c) => {
    const form = await readSimpleForm(c.req.raw);
    const filter = readFilter(form);
    const action = actionOf(form.get("action"));
    if (!action || badMetadata(filter).length > 0) return notFoundPage(c);
    const job = await c
      .get("api")
      .bulk(action, bulkFilter(filter), form.get("as_of") ?? "", form.get("idempotency_key"));
    return redirectWith(c, jobPagePath(job.id), "bulk");
  });

  return routes;
}

function actionOf(text: string | null): BulkAction | null {
  return text !== null && Object.hasOwn(actions, text) ? (text as BulkAction) : null;
}

function confirm(
  c: Context<DashboardEnv>,
  action: BulkAction,
  filter: ListFilter,
  counted: OrApiError<BulkCount>,
) {
  const { verb, effect } = actions[action];
  const { count, as_of } = counted instanceof ApiError ? { count: 0, as_of: "" } : counted;
  const back = `${ROOT}/jobs?${new URLSearchParams(filterPairs(filter))}`;
  const title = `${verb} all jobs ${isFiltered(filter) ? "that match" : "there are"}`;
  const children = (
    <>
      <h1>{title}</h1>
      {isFiltered(filter) && <p>The filter chooses jobs {filterWords(filter)}.</p>}
      {counted instanceof ApiError ? (
        <ApiErrorNotice error={counted} what="They could not be counted." />
      ) : (
        <>
          <p class="notice" data-kind={action === "delete" ? "bad" : "info"}>
            <strong>{pluralize(count, "job")}</strong> {count === 1 ? "is" : "are"} concerned; later jobs, and
            jobs to which this cannot be done, are left out. {effect}
          </p>
          {count > 0 && (
            <form method="post" action={`${ROOT}/bulk`}>
              <Hidden
                pairs={[
                  ["action", action],
                  ["as_of", as_of],
                  ["idempotency_key", `dashboard-${uuid()}`],
                  ...filterPairs(filter),
                ]}
              />
              <button
                type="submit"
                id="confirm"
                class={action === "delete" ? "button danger" : "button primary"}
              >
                {verb} {pluralize(count, "job")}
              </button>
            </form>
          )}
        </>
      )}
      <p>
        <a href={back}>Back to the list, doing nothing</a>
      </p>
    </>
  );
  return show(c, { title, section: "Jobs", children });
}
