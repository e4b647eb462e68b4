/** Jobs in rows, newest first as the API lists them. */

import type { JobView } from "../../rpc/views.ts";
import { formatElapsed, progressSentence } from "../labels.ts";
import { Badge, JobLink, Table, Time } from "./parts.tsx";

/** `now` is epoch milliseconds. */
export function JobsTable({
  id,
  jobs,
  caption,
  now,
}: {
  id: string;
  jobs: JobView[];
  caption: string;
  now: number;
}) {
  return (
    <Table
      id={id}
      caption={caption}
      head={["Status", "Job", "Type", "Accepted", "Attempts", "Took", "What it says"]}
    >
      {jobs.map((job) => (
        <tr id={`row-${job.id}`}>
          <td>
            <Badge status={job.status} />
          </td>
          <th scope="row">
            <JobLink job={job} />
          </th>
          <td>{job.type}</td>
          <td>
            <Time at={job.created_at} now={now} />
          </td>
          <td class="number">
            {job.attempt} of {job.max_attempts}
          </td>
          <td class="number">{job.started_at ? formatElapsed(job.started_at, job.finished_at, now) : "–"}</td>
          <td class="says">
            <Says job={job} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** The most telling fact in a few words: an error, the progress, or why it waits. */
function Says({ job }: { job: JobView }) {
  if (job.error) return <bdi>{job.error.message}</bdi>;
  if (job.status === "running" && job.progress && job.status_reason === "executing") {
    const { percent } = job.progress;
    return (
      <>
        {percent !== null && <progress value={percent} max={100} aria-label={`Progress of ${job.id}`} />}
        {progressSentence(job.progress)}
      </>
    );
  }
  const lastError = job.attempts.at(-1)?.error;
  if (job.status_reason === "waiting_to_retry" && lastError)
    return (
      <>
        Will be retried: <bdi>{lastError.message}</bdi>
      </>
    );
  return <span class="soft">{job.status_reason?.replaceAll("_", " ") ?? ""}</span>;
}
