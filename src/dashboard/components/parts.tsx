/** Small components of several pages: times, badges, links to jobs, tables, rejections. */

import type { Child } from "hono/jsx";
import { formatRelative } from "../../lib/duration.ts";
import type { JobView } from "../../rpc/views.ts";
import type { ApiError } from "../api.ts";
import { ROOT } from "../session.ts";

/** The page of a job. */
export function jobPagePath(id: string): string {
  return `${ROOT}/jobs/${encodeURIComponent(id)}`;
}

/** A time in UTC to the second, and how far it is from `now` (epoch milliseconds); the latter is kept up in the browser. */
export function Time({ at, now }: { at: string; now: number }) {
  return (
    <span class="time">
      <time datetime={at}>{`${at.slice(0, 10)} ${at.slice(11, 19)}`} UTC</time>{" "}
      <span class="soft" data-relative={at}>
        {formatRelative(Date.parse(at), now)}
      </span>
    </span>
  );
}

export function Badge({ status }: { status: string }) {
  return (
    <span class="badge" data-status={status}>
      {status.replaceAll("_", " ")}
    </span>
  );
}

/** A job's id, linked to its page. */
export function JobLink({ job }: { job: Pick<JobView, "id"> }) {
  return (
    <a href={jobPagePath(job.id)} id={`to-${job.id}`}>
      <code>{job.id}</code>
    </a>
  );
}

/** A table that scrolls on its own where it is too wide, by keyboard too. */
export function Table({
  id,
  caption,
  head,
  children,
}: {
  id: string;
  caption: string;
  head: Child[];
  children: Child;
}) {
  return (
    <section id={id} class="table" tabindex={0} aria-label={caption}>
      <table>
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {head.map((name) => (
              <th scope="col">{name}</th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}

/** Text to read or copy, which scrolls on its own. */
export function Code({ id, label, text }: { id: string; label: string; text: string }) {
  return (
    <section id={id} class="code-block" tabindex={0} aria-label={label}>
      <pre>
        <bdi>{text}</bdi>
      </pre>
    </section>
  );
}

/** A rejection of the API. Not an alert, because each refresh of a live page has a new reference. */
export function ApiErrorNotice({ error: { problem, retryAfter }, what }: { error: ApiError; what: string }) {
  return (
    <div class="notice" data-kind="bad">
      <p>
        <strong>
          {what} {problem.title}
        </strong>
      </p>
      <p>
        <bdi>{problem.detail}</bdi>
      </p>
      {retryAfter && <p>Try again in {retryAfter} seconds.</p>}
      <p class="hint">
        <code>{problem.code}</code>, for support: <code>{problem.instance}</code>
      </p>
    </div>
  );
}

/** Hidden fields of a form. */
export function Hidden({ pairs }: { pairs: Iterable<readonly [string, string]> }) {
  return (
    <>
      {[...pairs].map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
    </>
  );
}
