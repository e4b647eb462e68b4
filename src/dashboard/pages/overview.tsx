/** The overview: counts, success and durations over a period, running jobs, and the latest failures. */

import { Hono } from "hono";
import { formatDuration } from "../../lib/duration.ts";
import { now } from "../../lib/runtime.ts";
import {
  type ApiClient,
  ApiError,
  type HourStatsView,
  type JobsPage,
  type OrApiError,
  orApiError,
  type TypeView,
} from "../api.ts";
import { Chart } from "../components/chart.tsx";
import { JobsTable } from "../components/jobs-table.tsx";
import { ApiErrorNotice } from "../components/parts.tsx";
import { show } from "../components/shell.tsx";
import type { DashboardEnv } from "../context.ts";
import { pluralize } from "../labels.ts";
import { beginningOf, finishedCount, type Period, periods, type Span, spansOf } from "../series.ts";
import { ROOT } from "../session.ts";

const RUNNING_SHOWN = 10;
const FAILED_SHOWN = 5;

/** How often the page is brought up to date in the browser, in seconds. */
const OVERVIEW_REFRESH_SECONDS = 5;

type OverviewRequest = { period: Period; type: string };

/** `GET /`. */
export function overviewRoutes() {
  const routes = new Hono<DashboardEnv>();

  routes.get("/", async (c) => {
    const period = c.req.query("period") ?? "";
    const asked: OverviewRequest = {
      period: Object.hasOwn(periods, period) ? (period as Period) : "24h",
      type: c.req.query("type") ?? "",
    };
    const at = now();
    const found = await gatherOverview(c.get("api"), asked, at);
    return show(c, {
      title: "Overview",
      section: "Overview",
      children: <Overview {...asked} {...found} now={at} />,
    });
  });

  return routes;
}

type FoundOverview = {
  stats: OrApiError<HourStatsView[]>;
  running: OrApiError<JobsPage>;
  failed: OrApiError<JobsPage>;
  types: TypeView[];
};

/** Everything the page shows. Each part may be rejected on its own. */
async function gatherOverview(
  api: ApiClient,
  { period, type }: OverviewRequest,
  at: number,
): Promise<FoundOverview> {
  const chosen = type === "" ? {} : { type };
  const from = new Date(beginningOf(period, at)).toISOString();
  const jobs = (query: string[][]) =>
    orApiError(api.jobs(new URLSearchParams([...query, ...Object.entries(chosen)])));
  const [stats, running, failed, types] = await Promise.all([
    orApiError(api.stats(new URLSearchParams({ from, ...chosen }))),
    jobs([
      ["status", "running"],
      ["status", "queued"],
      ["limit", String(RUNNING_SHOWN)],
    ]),
    jobs([
      ["status", "failed"],
      ["limit", String(FAILED_SHOWN)],
    ]),
    api.types(),
  ]);
  return { stats, running, failed, types };
}

function Overview({
  period,
  type,
  types,
  stats,
  running,
  failed,
  now,
}: OverviewRequest & FoundOverview & { now: number }) {
  const failedPath = `${ROOT}/jobs?${new URLSearchParams({ status: "failed", ...(type && { type }) })}`;
  return (
    <>
      <div class="spread">
        <h1>Overview</h1>
        <Choice period={period} type={type} types={types} />
      </div>
      <div id="live" data-live data-every={OVERVIEW_REFRESH_SECONDS}>
        {stats instanceof ApiError ? (
          <ApiErrorNotice error={stats} what="The totals could not be read." />
        ) : (
          <Charts spans={spansOf(stats, period, now)} period={period} />
        )}
        <h2>Now</h2>
        <Jobs
          id="running"
          found={running}
          caption="Queued and running jobs"
          now={now}
          empty="Nothing waits or runs."
        />
        <div class="spread">
          <h2>Latest failures</h2>
          <a id="all-failures" href={failedPath}>
            All failures
          </a>
        </div>
        <Jobs
          id="failures"
          found={failed}
          caption="The jobs that failed last"
          now={now}
          empty="Nothing has failed."
        />
      </div>
    </>
  );
}

function Choice({ period, type, types }: OverviewRequest & { types: TypeView[] }) {
  return (
    <form method="get" action={ROOT} class="row choice">
      <label for="period">Period</label>
      <select id="period" name="period">
        {Object.entries(periods).map(([value, { words }]) => (
          <option value={value} selected={value === period}>
            {words}
          </option>
        ))}
      </select>
      <label for="type">Type</label>
      <select id="type" name="type">
        <option value="">All types</option>
        {types.map(({ type: name }) => (
          <option value={name} selected={name === type}>
            {name}
          </option>
        ))}
      </select>
      <button type="submit" id="choose">
        Show
      </button>
    </form>
  );
}

type JobsProps = { id: string; found: OrApiError<JobsPage>; caption: string; empty: string; now: number };

function Jobs({ found, empty, ...rest }: JobsProps) {
  if (found instanceof ApiError) return <ApiErrorNotice error={found} what="The jobs could not be listed." />;
  return found.data.length === 0 ? <p class="soft">{empty}</p> : <JobsTable jobs={found.data} {...rest} />;
}

function Charts({ spans, period }: { spans: Span[]; period: Period }) {
  const { words, spanWords, spanHours } = periods[period];
  const isDaily = spanHours === 24;
  const total = totalOf(spans);
  const done = finishedCount(total);
  const common = { spans, isDaily };
  const count = (value: number) => value.toLocaleString("en");
  return (
    <>
      <h2 class="visually-hidden">The last {words}</h2>
      <Tiles total={total} words={words} />
      <div class="charts">
        <Chart
          {...common}
          id="throughput"
          title={`Jobs per ${spanWords}`}
          summary={`In ${words}: ${pluralize(total.accepted, "job")} accepted, ${count(done)} finished.`}
          kind="side by side"
          format={count}
          series={[
            { name: "Accepted", style: "look-accepted", value: ({ accepted }) => accepted },
            { name: "Finished", style: "look-finished", value: finishedCount },
          ]}
        />
        <Chart
          {...common}
          id="outcomes"
          title={`Outcomes per ${spanWords}`}
          summary={`${count(total.succeeded)} succeeded, ${count(total.failed)} failed, ${count(total.cancelled)} were cancelled.`}
          kind="stacked"
          format={count}
          series={[
            { name: "Succeeded", style: "look-succeeded", value: ({ succeeded }) => succeeded },
            { name: "Failed", style: "look-failed", value: ({ failed }) => failed },
            { name: "Cancelled", style: "look-cancelled", value: ({ cancelled }) => cancelled },
          ]}
        />
        <Durations
          {...common}
          spanWords={spanWords}
          id="waiting"
          title="Waiting to begin"
          of={({ queueTimeMs }) => queueTimeMs}
        />
        <Durations
          {...common}
          spanWords={spanWords}
          id="running-time"
          title="Running until finished"
          of={({ runTimeMs }) => runTimeMs}
        />
      </div>
      <p class="hint">
        Where a mark covers several hours or types, its median is the middle one of theirs and its 95th
        percentile the highest of theirs.
      </p>
    </>
  );
}

type DurationsProps = {
  spanWords: string;
  id: string;
  title: string;
  spans: Span[];
  isDaily: boolean;
  of: (span: Span) => Span["queueTimeMs"];
};

function Durations({ of, spans, spanWords, ...rest }: DurationsProps) {
  const longest = Math.max(0, ...spans.map((span) => of(span).p95 ?? 0));
  const isKnown = spans.some((span) => of(span).p95 !== null);
  return (
    <Chart
      {...rest}
      spans={spans}
      summary={
        isKnown
          ? `In the slowest ${spanWords}, 95 % took at most ${formatDuration(longest)}.`
          : "No job has finished yet."
      }
      kind="lines"
      format={formatDuration}
      series={[
        { name: "Median", style: "look-median", value: (span) => of(span).p50 },
        { name: "95th percentile", style: "look-high", value: (span) => of(span).p95 },
      ]}
    />
  );
}

function totalOf(spans: readonly Span[]) {
  const sum = (of: (span: Span) => number) => spans.reduce((total, span) => total + of(span), 0);
  return {
    accepted: sum(({ accepted }) => accepted),
    succeeded: sum(({ succeeded }) => succeeded),
    failed: sum(({ failed }) => failed),
    cancelled: sum(({ cancelled }) => cancelled),
    attempts: sum(({ attempts }) => attempts),
  };
}

function Tiles({ total, words }: { total: ReturnType<typeof totalOf>; words: string }) {
  const ended = total.succeeded + total.failed;
  const rate = ended === 0 ? "–" : `${(Math.floor((total.succeeded / ended) * 1_000) / 10).toFixed(1)} %`;
  const tiles = [
    ["Accepted", total.accepted.toLocaleString("en"), `in ${words}`],
    ["Success rate", rate, "of what succeeded or failed"],
    ["Failed", total.failed.toLocaleString("en"), "after all their attempts"],
    ["Attempts", total.attempts.toLocaleString("en"), "of the jobs that finished"],
  ] as const;
  return (
    <dl class="tiles figures">
      {tiles.map(([name, value, hint]) => (
        <div class="card">
          <dt>{name}</dt>
          <dd>
            <strong>{value}</strong> <span class="hint">{hint}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
