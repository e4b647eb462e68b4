/** The timeline of a job's attempts: how each ended, why, and what followed. */

import type { EventView, JobView } from "../../rpc/views.ts";
import { formatElapsed, kindSentence } from "../labels.ts";
import { Time } from "./parts.tsx";

type AttemptItem = JobView["attempts"][number];

/** Badges have the colours of a job's states. */
const attemptBadges: Record<AttemptItem["status"], string> = {
  running: "running",
  succeeded: "succeeded",
  failed: "failed",
  timed_out: "failed",
  lost: "failed",
  cancelled: "cancelled",
};

/** When the attempt after number `attempt` was to begin; null if none followed. */
function retryAt(events: readonly EventView[], attempt: number): string | null {
  for (const { type, data } of events) {
    if (type === "job.attempt_failed" && "next_attempt_at" in data && data.attempt === attempt)
      return data.next_attempt_at;
  }
  return null;
}

/** `now` is epoch milliseconds. */
export function AttemptsSection({ job, events, now }: { job: JobView; events: EventView[]; now: number }) {
  if (job.attempts.length === 0) return null;
  return (
    <section aria-labelledby="attempts-title">
      <h2 id="attempts-title">
        Attempts <span class="soft">{`${job.attempt} of at most ${job.max_attempts}`}</span>
      </h2>
      <ol class="timeline">
        {job.attempts.map((attempt) => (
          <li data-status={attemptBadges[attempt.status]}>
            <One attempt={attempt} job={job} next={retryAt(events, attempt.number)} now={now} />
          </li>
        ))}
      </ol>
    </section>
  );
}

/** An attempt of a job; `next` is when the one after it began or is due, null if there is none. */
type AttemptEvents = { attempt: AttemptItem; job: JobView; next: string | null; now: number };

function One({ attempt, job, next, now }: AttemptEvents) {
  const { number, status, started_at, finished_at, error } = attempt;
  return (
    <>
      <h3>
        Attempt {number}{" "}
        <span class="badge" data-status={attemptBadges[status]}>
          {status.replaceAll("_", " ")}
        </span>
      </h3>
      <p>
        Began <Time at={started_at} now={now} />
        {finished_at ? `, took ${formatElapsed(started_at, finished_at, now)}.` : " and is running."}
      </p>
      {error && (
        <p>
          <strong>
            <bdi>{error.message}</bdi>
          </strong>{" "}
          <bdi>
            <code>{error.code}</code>
          </bdi>{" "}
          <span class="soft">{kindSentence(error.kind)}</span>
        </p>
      )}
      <Consequence attempt={attempt} job={job} next={next} now={now} />
    </>
  );
}

/** Whether and when it was retried, or why not. */
function Consequence({ attempt, job, next, now }: AttemptEvents) {
  if (!attempt.error) return null;
  const isLast = attempt.number === job.attempt;
  if (next === null) return isLast && job.status === "failed" ? <p>It was not retried.</p> : null;
  if (!isLast)
    return (
      <p>
        It was retried at <Time at={next} now={now} />.
      </p>
    );
  if (job.status === "running") {
    return (
      <p>
        It will be retried at <Time at={next} now={now} />.
      </p>
    );
  }
  return <p>A retry was due, but the job finished before.</p>;
}
