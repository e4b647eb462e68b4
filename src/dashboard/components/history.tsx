/** A job's events and the lines its code logged, in the order they happened. */

import type { EventView, JobView } from "../../rpc/views.ts";
import { eventTitle, isolate, progressSentence } from "../labels.ts";
import { jobPagePath, Table, Time } from "./parts.tsx";

/** The last ones are shown at first: a job may have more than a thousand. */
const SHOWN_MAX = 100;

type HistoryProps = { job: JobView; events: EventView[]; showsAll: boolean; now: number };

export function HistorySection({ job, events, showsAll, now }: HistoryProps) {
  const shown = showsAll ? events : events.slice(-SHOWN_MAX);
  return (
    <section aria-labelledby="history-title">
      <h2 id="history-title">Events and log</h2>
      {shown.length < events.length && (
        <p>
          The last {SHOWN_MAX} of {events.length.toLocaleString("en")}.{" "}
          <a id="all-history" href={`${jobPagePath(job.id)}?history=all#history-title`}>
            Show all
          </a>
        </p>
      )}
      <Table
        id="history"
        caption="Events and log lines, oldest first"
        head={["No.", "When", "What", "Details"]}
      >
        {shown.map((event) => (
          <tr id={`event-${event.seq}`} data-level={event.type === "job.log" ? levelOf(event) : undefined}>
            <td class="number">{event.seq}</td>
            <td>
              <Time at={event.time} now={now} />
            </td>
            <th scope="row">{eventTitle(event.type)}</th>
            <td class="says">{detailsOf(event)}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

function levelOf({ data }: EventView): string {
  return "level" in data ? String(data.level) : "info";
}

/** What an event adds to its title, from the parts that the API gives events of its type. */
function detailsOf({ type, data }: EventView): string {
  if (type === "job.log" && "level" in data) return `${data.level}: ${isolate(data.message ?? "")}`;
  if ("percent" in data) return progressSentence(data);
  const parts: string[] = [];
  if ("attempt" in data) parts.push(`attempt ${data.attempt}`);
  if ("continuation" in data) parts.push(`continuation ${data.continuation}`);
  if ("status" in data) parts.push(String(data.status).replaceAll("_", " "));
  if ("status_reason" in data) parts.push(String(data.status_reason).replaceAll("_", " "));
  if ("error" in data) parts.push(`${isolate(data.error.code)}: ${isolate(data.error.message)}`);
  if ("next_attempt_at" in data && data.next_attempt_at)
    parts.push(`next at ${timeWords(data.next_attempt_at)}`);
  if ("run_at" in data && data.run_at) parts.push(`to begin at ${timeWords(data.run_at)}`);
  if ("by" in data) parts.push(`by the ${data.by}${data.reason ? `: ${isolate(data.reason)}` : ""}`);
  return parts.join(" · ");
}

function timeWords(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}
