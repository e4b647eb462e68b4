/** The routes of datasets: list, read, delete. Imports make them. */

import { type Context, Hono } from "hono";
import { datasetObject } from "../../rpc/dataset.ts";
import { type DatasetRecord, filesObject } from "../../rpc/files.ts";
import { formatTime } from "../../rpc/views.ts";
import type { AppEnv } from "../app-env.ts";
import { NO_STORE } from "../cache.ts";
import { requireScope } from "../middleware/authenticate.ts";
import { Problem } from "../problems.ts";
import { readLimit } from "../request/query.ts";
import { DATASET_CHARS_MAX } from "./schemas.ts";

export function datasetRoutes() {
  const routes = new Hono<AppEnv>();

  routes.get("/datasets", requireScope("jobs:read"), listDatasets);

  routes.get("/datasets/:dataset", requireScope("jobs:read"), async (c) => {
    const record = (await recordsOf(c)).find(({ name }) => name === c.req.param("dataset"));
    const found = record && (await datasetView(c, record));
    if (!found) throw new Problem("not_found");
    return c.json({ data: found }, 200, NO_STORE);
  });

  routes.delete("/datasets/:dataset", requireScope("files:write"), async (c) => {
    const { tenant } = c.get("caller");
    const name = c.req.param("dataset");
    const isName = name.length <= DATASET_CHARS_MAX;
    if (!isName || !(await datasetObject(c.env, tenant, name).delete("live"))) throw new Problem("not_found");
    await filesObject(c.env, tenant).removeDataset(name);
    return c.body(null, 204, NO_STORE);
  });

  return routes;
}

/** The cursor is the last name of the page before. A dataset whose first import has not ended is left out. */
async function listDatasets(c: Context<AppEnv>): Promise<Response> {
  const limit = readLimit(c.req.query("limit") ?? null);
  const after = c.req.query("cursor") ?? "";
  if (after.length > DATASET_CHARS_MAX) throw new Problem("invalid_cursor");
  const left = (await recordsOf(c)).filter(({ name }) => name > after);
  const page = left.slice(0, limit);
  const views = await Promise.all(page.map((record) => datasetView(c, record)));
  const next = left.length > limit ? (page.at(-1)?.name ?? null) : null;
  const query = new URLSearchParams({ limit: String(limit), cursor: next ?? "" });
  const link = next !== null && { Link: `</v1/datasets?${query}>; rel="next"` };
  return c.json({ data: views.flatMap((view) => view ?? []), next_cursor: next }, 200, {
    ...NO_STORE,
    ...link,
  });
}

function recordsOf(c: Context<AppEnv>): Promise<DatasetRecord[]> {
  return filesObject(c.env, c.get("caller").tenant).datasets();
}

async function datasetView(c: Context<AppEnv>, { name, createdAt }: DatasetRecord) {
  const live = await datasetObject(c.env, c.get("caller").tenant, name).describe();
  return (
    live && {
      name,
      columns: live.columns,
      row_count: live.rowCount,
      size: live.size,
      created_at: formatTime(createdAt),
      updated_at: formatTime(live.updatedAt),
      updated_by: live.updatedBy,
    }
  );
}
