/** The list of jobs: filters that live in the address, pages by the API's cursor, and what to do with all that match. */

import { Hono } from "hono";
import { now } from "../../lib/runtime.ts";
import {
  type ApiClient,
  ApiError,
  type JobsPage,
  type OrApiError,
  orApiError,
  type TypeView,
} from "../api.ts";
import { JobsTable } from "../components/jobs-table.tsx";
import { ApiErrorNotice } from "../components/parts.tsx";
import { show } from "../components/shell.tsx";
import type { DashboardEnv } from "../context.ts";
import {
  apiQuery,
  badMetadata,
  controlTime,
  filterPairs,
  filterWords,
  isFiltered,
  type ListFilter,
  readFilter,
} from "../filter.ts";
import { pluralize, statuses } from "../labels.ts";
import { ROOT } from "../session.ts";

const PATH = `${ROOT}/jobs`;
const LIMITS = ["20", "50", "100"];
const LIST_REFRESH_SECONDS = 5;

type ListRequest = { filter: ListFilter; limit: string; cursor: string };

/** `GET /jobs`. */
export function listRoutes() {
  const routes = new Hono<DashboardEnv>();

  routes.get("/jobs", async (c) => {
    const query = new URL(c.req.url).searchParams;
    const limit = query.get("limit") ?? "";
    const asked: ListRequest = {
      filter: readFilter(query),
      limit: LIMITS.includes(limit) ? limit : "20",
      cursor: query.get("cursor") ?? "",
    };
    const api = c.get("api");
    const [types, found] = await Promise.all([api.types(), list(api, asked)]);
    const children = (
      <ListPage {...asked} types={types} found={found} mayWrite={c.get("session").mayWrite} now={now()} />
    );
    return show(c, { title: "Jobs", section: "Jobs", children });
  });

  return routes;
}

/** The page asked for; null if the filter cannot be put to the API. */
async function list(
  api: ApiClient,
  { filter, limit, cursor }: ListRequest,
): Promise<OrApiError<JobsPage> | null> {
  if (badMetadata(filter).length > 0) return null;
  const query = apiQuery(filter);
  query.set("limit", limit);
  if (cursor !== "") query.set("cursor", cursor);
  return orApiError(api.jobs(query));
}

type ListProps = ListRequest & {
  types: TypeView[];
  found: OrApiError<JobsPage> | null;
  mayWrite: boolean;
  now: number;
};

function ListPage({ types, found, mayWrite, now, ...asked }: ListProps) {
  return (
    <>
      <h1>Jobs</h1>
      <FilterForm {...asked} types={types} />
      <div id="live" data-live data-every={LIST_REFRESH_SECONDS}>
        <FoundSection found={found} asked={asked} now={now} />
      </div>
      {mayWrite &&
        found &&
        !(found instanceof ApiError) &&
        (found.data.length > 0 || found.next_cursor !== null) && <BulkLinks filter={asked.filter} />}
    </>
  );
}

function FoundSection({ found, asked, now }: { found: ListProps["found"]; asked: ListRequest; now: number }) {
  if (found instanceof ApiError) return <ApiErrorNotice error={found} what="The jobs could not be listed." />;
  if (found === null) return <p class="soft">Correct the filter to see jobs.</p>;
  const isNone = found.data.length === 0;
  if (isNone && found.next_cursor === null) return <Nothing asked={asked} />;
  return (
    <>
      {isNone ? (
        <p>No job on this page matches; the list goes on with older ones.</p>
      ) : (
        <JobsTable id="jobs" jobs={found.data} caption="Jobs, newest first" now={now} />
      )}
      <Pages asked={asked} count={found.data.length} next={found.next_cursor} />
    </>
  );
}

function Nothing({ asked: { filter, cursor } }: { asked: ListRequest }) {
  return (
    <div class="card empty">
      <p>
        <strong>{isFiltered(filter) ? "No job matches this filter." : "There are no jobs yet."}</strong>
      </p>
      {(isFiltered(filter) || cursor !== "") && (
        <p>
          <a id="all-jobs" href={PATH}>
            Show all jobs
          </a>
        </p>
      )}
    </div>
  );
}

function pagePath({ filter, limit }: ListRequest, cursor: string | null): string {
  const pairs = [...filterPairs(filter), ["limit", limit], ...(cursor === null ? [] : [["cursor", cursor]])];
  return `${PATH}?${new URLSearchParams(pairs as [string, string][])}`;
}

function Pages({ asked, count, next }: { asked: ListRequest; count: number; next: string | null }) {
  return (
    <nav class="spread" aria-label="Pages">
      <span class="soft">{pluralize(count, "job")} on this page</span>
      <span class="row">
        {asked.cursor !== "" && (
          <a id="first-page" class="button" href={pagePath(asked, null)}>
            First page
          </a>
        )}
        {next !== null && (
          <a id="next-page" class="button" href={pagePath(asked, next)} rel="next">
            Next page
          </a>
        )}
      </span>
    </nav>
  );
}

function FilterForm({ filter, limit, types }: ListRequest & { types: TypeView[] }) {
  return (
    <details class="card filter" id="filter" open={badMetadata(filter).length > 0}>
      <summary id="filter-summary">
        {isFiltered(filter) ? `Filter: jobs ${filterWords(filter)}` : "Filter"}
      </summary>
      <form method="get" action={PATH}>
        <Boxes legend="Status" name="status" values={[...statuses]} chosen={filter.statuses} />
        <Boxes
          legend="Type"
          name="type"
          values={[...new Set([...types.map(({ type }) => type), ...filter.types])]}
          chosen={filter.types}
        />
        <div class="filter-fields">
          <TimeField
            id="created-after"
            name="created_after"
            label="Accepted from (UTC)"
            value={filter.createdAfter}
          />
          <TimeField
            id="created-before"
            name="created_before"
            label="Accepted before (UTC)"
            value={filter.createdBefore}
          />
          <MetadataFields filter={filter} />
          <div class="field">
            <label for="limit">Jobs per page</label>
            <select id="limit" name="limit">
              {LIMITS.map((value) => (
                <option selected={value === limit}>{value}</option>
              ))}
            </select>
          </div>
        </div>
        <div class="row">
          <button type="submit" id="apply-filter" class="button primary">
            Apply
          </button>
          <a id="clear-filter" class="button quiet" href={PATH}>
            Clear
          </a>
        </div>
      </form>
    </details>
  );
}

function Boxes({
  legend,
  name,
  values,
  chosen,
}: {
  legend: string;
  name: string;
  values: string[];
  chosen: string[];
}) {
  return (
    <fieldset class="boxes">
      <legend>{legend}</legend>
      {values.map((value) => (
        <label>
          <input type="checkbox" name={name} value={value} checked={chosen.includes(value)} /> {value}
        </label>
      ))}
    </fieldset>
  );
}

function TimeField({ id, name, label, value }: { id: string; name: string; label: string; value: string }) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input id={id} name={name} type="datetime-local" step="1" value={controlTime(value)} />
    </div>
  );
}

/** One field for each pair asked for, and an empty one for another. */
function MetadataFields({ filter }: { filter: ListFilter }) {
  const bad = badMetadata(filter);
  return (
    <>
      {[...filter.metadata, ""].map((text, index) => {
        const isBad = bad.includes(text) && text !== "";
        return (
          <div class="field">
            <label for={`metadata-${index}`}>{index === 0 ? "Metadata" : "And metadata"}</label>
            <input
              id={`metadata-${index}`}
              name="metadata"
              value={text}
              placeholder="key=value"
              aria-invalid={isBad ? "true" : undefined}
              aria-describedby={isBad ? `metadata-error-${index}` : undefined}
            />
            {isBad && (
              <p class="error" id={`metadata-error-${index}`}>
                Write it as key=value. A key can be asked for once.
              </p>
            )}
          </div>
        );
      })}
    </>
  );
}

function BulkLinks({ filter }: { filter: ListFilter }) {
  const path = (action: string) =>
    `${ROOT}/bulk?${new URLSearchParams([["action", action], ...filterPairs(filter)])}`;
  return (
    <section class="bulk" aria-labelledby="bulk-title">
      <h2 id="bulk-title">All {isFiltered(filter) ? "that match the filter" : "jobs"}</h2>
      <p class="soft">The next page says how many jobs that is, before anything is done.</p>
      <div class="row">
        <a class="button" href={path("cancel")}>
          Cancel all…
        </a>
        <a class="button" href={path("replay")}>
          Replay all…
        </a>
        <a class="button danger" href={path("delete")}>
          Delete all…
        </a>
      </div>
    </section>
  );
}
