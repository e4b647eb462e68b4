/** What a WebSocket upgrade to a job's object is answered with. */

import type { Job } from "../../core/job.ts";
import { rejectionReason } from "../../core/lease.ts";
import { now } from "../../lib/runtime.ts";
import type { RunRejection } from "../../rpc/job.ts";
import { knownSeq } from "./answers.ts";
import type { JobSockets } from "./sockets.ts";
import type { JobStore } from "./store.ts";

/**
 * `/events?after=SEQ|end&credential=…` subscribes to the job's events, `/worker?lease=…&reports` attaches a running
 * attempt, `/watch?lease=…` waits for the end of one.
 */
export function answerUpgrade(
  { pathname, searchParams }: URL,
  job: Job,
  { sockets, store }: { sockets: JobSockets; store: JobStore },
): Response {
  if (pathname === "/events") {
    const after = searchParams.get("after");
    const seq = after === "end" ? job.lastSeq : knownSeq(job, Number(after));
    return sockets.subscribe(job, store.eventsAfter(seq), searchParams.get("credential") ?? "");
  }
  const lease = searchParams.get("lease") ?? "";
  const reason = rejectionReason(job, lease);
  if (pathname === "/watch")
    return reason
      ? Response.json({ reason, status: job.phase.status }, { status: 409 })
      : sockets.watch(lease);
  return reason
    ? Response.json({ ok: false, reason } satisfies RunRejection, { status: 409 })
    : sockets.attachWorker(job, lease, now(), searchParams.has("reports"));
}
