/**
 * The page of a job. It shows everything the API returns, the most telling first, so that a person understands what
 * happened and what to tell support.
 */

import { Hono } from "hono";
import { formatRelative } from "../../lib/duration.ts";
import { now } from "../../lib/runtime.ts";
import type { DeliveryView, EventView, JobView } from "../../rpc/views.ts";
import { type ApiClient, ApiError, type OrApiError, orApiError } from "../api.ts";
import { AttemptsSection } from "../components/attempts.tsx";
import { DeliveriesSection } from "../components/deliveries.tsx";
import { HistorySection } from "../components/history.tsx";
import { ApiErrorNotice, Badge, Code, JobLink, jobPagePath, Time } from "../components/parts.tsx";
import { type FoundFile, filesIn, ResultSection } from "../components/result.tsx";
import { show } from "../components/shell.tsx";
import type { DashboardEnv } from "../context.ts";
import {
  formatElapsed,
  isUnfinished,
  kindSentence,
  progressSentence,
  statusSentence,
  supportText,
} from "../labels.ts";

/** While a webhook is still being delivered, or a part of the page could not be had, it looks again this often. */
const LOOK_AGAIN_SECONDS = 5;

/** `GET /jobs/{id}`. */
export function jobPageRoutes() {
  const routes = new Hono<DashboardEnv>();

  routes.get("/jobs/:id", async (c) => {
    const found = await gatherJob(c.get("api"), c.req.param("id"));
    const { type, status, id } = found.job;
    const { mayWrite } = c.get("session");
    const showsAll = c.req.query("history") === "all";
    const children = <JobDetailsPage {...found} mayWrite={mayWrite} showsAll={showsAll} now={now()} />;
    return show(c, { title: `${type} ${status}: ${id}`, section: "Jobs", children });
  });

  return routes;
}

type FoundJob = {
  job: JobView;
  events: OrApiError<EventView[]>;
  deliveries: OrApiError<DeliveryView[]>;
  files: FoundFile[];
};

/** Everything the page shows. Without the job there is no page; each other part may be rejected on its own. */
async function gatherJob(api: ApiClient, id: string): Promise<FoundJob> {
  const [job, events, deliveries] = await Promise.all([
    api.job(id),
    orApiError(api.events(id)),
    orApiError(api.deliveries(id)),
  ]);
  const files = filesIn(job.result).map(async (id) => ({ id, file: await api.file(id) }));
  return { job, events, deliveries, files: await Promise.all(files) };
}

type JobPageProps = FoundJob & { mayWrite: boolean; showsAll: boolean; now: number };

function JobDetailsPage({ mayWrite, showsAll, now, ...found }: JobPageProps) {
  const { job, events, deliveries, files } = found;
  return (
    <div id="live" data-live data-announce={announcement(job)} {...liveness(found)}>
      <Head job={job} now={now} mayWrite={mayWrite} />
      <OutcomeSection job={job} />
      <AttemptsSection job={job} events={events instanceof ApiError ? [] : events} now={now} />
      <ResultSection job={job} files={files} />
      <Facts job={job} now={now} />
      <MetadataSection job={job} />
      {deliveries instanceof ApiError ? (
        <ApiErrorNotice error={deliveries} what="The webhook deliveries could not be read." />
      ) : (
        <DeliveriesSection job={job} deliveries={deliveries} mayWrite={mayWrite} now={now} />
      )}
      {events instanceof ApiError ? (
        <ApiErrorNotice error={events} what="The events could not be read." />
      ) : (
        <HistorySection job={job} events={events} showsAll={showsAll} now={now} />
      )}
    </div>
  );
}

/** How the browser keeps the page up to date: by the job's events, by polling, or not at all. */
function liveness({ job, events, deliveries }: FoundJob) {
  const isPartial = events instanceof ApiError || deliveries instanceof ApiError;
  if (isUnfinished(job) && !isPartial)
    return { "data-events": `${jobPagePath(job.id)}/events?after=${events.at(-1)?.seq ?? 0}` };
  const isPending = isPartial || deliveries.some(({ status }) => status === "pending");
  const waitsForCode = job.cancellation && job.cancellation.acknowledged_at === null;
  return isPending || waitsForCode ? { "data-every": LOOK_AGAIN_SECONDS } : {};
}

/** Text for the ARIA live region. */
function announcement(job: JobView): string {
  const reason = job.status_reason ? `, ${job.status_reason.replaceAll("_", " ")}` : "";
  return `Job ${job.status}${reason}.`;
}

function Head({ job, now, mayWrite }: { job: JobView; now: number; mayWrite: boolean }) {
  return (
    <header class="job-head">
      <div class="spread">
        <h1>
          {job.type} <Badge status={job.status} />
        </h1>
        {mayWrite && <Buttons job={job} />}
      </div>
      <p>
        <code>{job.id}</code>
      </p>
      <p class="sentence">{statusSentence(job)}</p>
      {job.next_attempt_at && (
        <p>
          {job.status === "queued" ? "It begins at" : "The next attempt begins at"}{" "}
          <Time at={job.next_attempt_at} now={now} />.
        </p>
      )}
      <ProgressBar job={job} now={now} />
    </header>
  );
}

/** A bar without a value says that the job runs without a known total. */
function ProgressBar({ job: { progress, status_reason }, now }: { job: JobView; now: number }) {
  if (status_reason !== "executing" && status_reason !== "continuing") return null;
  const percent = progress?.percent ?? null;
  return (
    <div class="progress">
      <progress
        id="progress"
        max={100}
        value={percent ?? undefined}
        aria-label={percent === null ? "Progress, how far is not known" : "Progress"}
      />
      <p>
        {progress ? progressSentence(progress) || "At work." : "It has not reported any progress yet."}{" "}
        {progress && (
          <span class="soft">
            reported{" "}
            <span data-relative={progress.updated_at}>
              {formatRelative(Date.parse(progress.updated_at), now)}
            </span>
          </span>
        )}
      </p>
    </div>
  );
}

function Buttons({ job }: { job: JobView }) {
  const path = jobPagePath(job.id);
  if (isUnfinished(job)) {
    return (
      <div class="row">
        <a id="cancel" class="button danger" href={`${path}/cancel`}>
          Cancel…
        </a>
      </div>
    );
  }
  return (
    <div class="row">
      <a id="replay" class="button" href={`${path}/replay`}>
        Replay…
      </a>
      <a id="delete" class="button danger" href={`${path}/delete`}>
        Delete…
      </a>
    </div>
  );
}

/** Why the job failed and what to tell support. */
function OutcomeSection({ job }: { job: JobView }) {
  const text = supportText(job);
  if (!job.error || text === null) return null;
  return (
    <section class="notice outcome" data-kind="bad" aria-labelledby="error-title">
      <h2 id="error-title">
        <bdi>{job.error.message}</bdi>
      </h2>
      <p>
        <bdi>
          <code>{job.error.code}</code>
        </bdi>{" "}
        · {kindSentence(job.error.kind)}
      </p>
      <p>
        The reference <code id="reference">{job.error.reference}</code> leads support to this failure in the
        logs, where the whole exception stands. Send them this:
      </p>
      <Code id="for-support" label="What to tell support" text={text} />
    </section>
  );
}

function Facts({ job, now }: { job: JobView; now: number }) {
  const times = [
    ["Accepted", job.created_at],
    ["First attempt began", job.started_at],
    ["Last changed", job.updated_at],
    ["Finished", job.finished_at],
    ["Will be purged", job.purge_at],
  ] as const;
  return (
    <section aria-labelledby="facts-title">
      <h2 id="facts-title">Facts</h2>
      <dl class="facts">
        {times.map(
          ([name, at]) =>
            at && (
              <>
                <dt>{name}</dt>
                <dd>
                  <Time at={at} now={now} />
                </dd>
              </>
            ),
        )}
        {job.started_at && job.finished_at && (
          <>
            <dt>Took</dt>
            <dd>{formatElapsed(job.started_at, job.finished_at, now)}, from the first attempt on</dd>
          </>
        )}
        {job.replayed_from && (
          <>
            <dt>Replay of</dt>
            <dd>
              <JobLink job={{ id: job.replayed_from }} />
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

function MetadataSection({ job: { metadata } }: { job: JobView }) {
  const pairs = Object.entries(metadata);
  if (pairs.length === 0) return null;
  return (
    <section aria-labelledby="metadata-title">
      <h2 id="metadata-title">Metadata</h2>
      <dl class="facts">
        {pairs.map(([name, value]) => (
          <>
            <dt>
              <bdi>{name}</bdi>
            </dt>
            <dd>
              <bdi>{value}</bdi>
            </dd>
          </>
        ))}
      </dl>
    </section>
  );
}
