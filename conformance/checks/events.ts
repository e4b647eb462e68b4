/** Contract 5: a job's history, as JSON, as Server-Sent Events and over a WebSocket. */

import { claim, equal, matches } from "../assertions.ts";
import { type Check, check, longCheck } from "../check.ts";
import { problemOf } from "../client.ts";
import type { Deployment } from "../deployment.ts";
import { FINAL_EVENTS, type JobEvent } from "../shapes.ts";
import { hear } from "../socket.ts";
import { listen, type SseBlock } from "../sse.ts";

/** A comment is promised every 15 s; the rest is for the way. */
const COMMENT_MS = 16_000;

/** Throws unless events are numbered from 1 without a gap and end with the only final one. */
function isWhole(events: JobEvent[]): void {
  equal(
    events.map(({ seq }) => seq),
    events.map((_, index) => index + 1),
    "the numbers",
  );
  const finals = events.filter(({ type }) => FINAL_EVENTS.includes(type));
  equal(finals.length, 1, "the number of final events");
  claim(events.at(-1) === finals[0], "something follows the final event");
}

/** A job that failed once, said its progress, and succeeded; long finished. */
async function eventfulJob({ mine }: Deployment): Promise<string> {
  const attempts = [{ outcome: "fail", kind: "timeout" }, { outcome: "succeed" }];
  const { id } = await mine.simulate({ duration_ms: 50, attempts });
  await mine.finished(id);
  return id;
}

async function asJson(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const events = await mine.events(await eventfulJob(deployment));
  isWhole(events);
  const types = events.map(({ type }) => type).filter((type) => type !== "job.progress");
  const wanted = ["job.queued", "job.started", "job.attempt_failed", "job.started", "job.succeeded"];
  equal(types, wanted, "the events");
  const told = events.find(({ type }) => type === "job.attempt_failed");
  claim(
    typeof told?.data.next_attempt_at === "string",
    "job.attempt_failed does not say when the next attempt is",
  );
}

async function finalsOfAllKinds({ mine }: Deployment): Promise<void> {
  const failed = await mine.simulate({ attempts: [{ outcome: "fail", kind: "not_found" }] });
  const cancelled = await mine.park();
  await mine.cancel(cancelled.id);
  await mine.finished(failed.id);
  for (const [id, type] of [
    [failed.id, "job.failed"],
    [cancelled.id, "job.cancelled"],
  ] as const) {
    const events = await mine.events(id);
    isWhole(events);
    equal(events.at(-1)?.type, type, "the final event");
  }
  const last = (await mine.events(failed.id)).find(({ type }) => type === "job.attempt_failed");
  equal(last?.data.next_attempt_at ?? null, null, "next_attempt_at of an attempt that is not retried");
}

/** The stored events of a stream. Only progress may come without an id, and then it has no number. */
function eventsIn(blocks: SseBlock[]): JobEvent[] {
  const told = blocks.flatMap(({ data, id }) =>
    data === null ? [] : [{ id, event: JSON.parse(data) as JobEvent }],
  );
  for (const { id, event } of told) {
    if (id !== null) continue;
    equal([event.type, "seq" in event], ["job.progress", false], "an event without an id");
  }
  return told.flatMap(({ id, event }) => (id === null ? [] : [event]));
}

async function asStream(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const id = await eventfulJob(deployment);
  const { response, blocks } = await listen(mine, `/v1/jobs/${id}/events`);
  equal(response.status, 200, "the status");
  matches(response.headers.get("Content-Type"), /^text\/event-stream\b/, "the type");
  matches(response.headers.get("Cache-Control"), /no-store.*no-transform/, "Cache-Control");
  equal(response.headers.get("X-Accel-Buffering"), "no", "X-Accel-Buffering");
  const told = blocks.filter(({ data }) => data !== null);
  equal(eventsIn(blocks), await mine.events(id), "the events of the stream");
  for (const { id: number, event, data } of told) {
    const { seq, type } = JSON.parse(String(data)) as JobEvent;
    equal([number, event], [String(seq), type], "id and event");
    claim(!String(data).includes("\n"), "data is more than one line");
  }
}

async function live({ mine }: Deployment): Promise<void> {
  const { id } = await mine.simulate({ duration_ms: 3_000, steps: 3 });
  const { blocks } = await listen(mine, `/v1/jobs/${id}/events`);
  const events = eventsIn(blocks);
  isWhole(events);
  const progress = blocks.find(({ event }) => event === "job.progress");
  const last = blocks.at(-1);
  claim(progress && last && last.at - progress.at > 500, "progress was not told before the end");
}

/** An empty position, or one beyond the last event, is none: everything follows. */
async function noPosition(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const id = await eventfulJob(deployment);
  const all = await mine.events(id);
  for (const query of ["?after=", `?after=${all.length + 1}`, `?after=${"9".repeat(30)}`]) {
    const { json } = await mine.call("GET", `/v1/jobs/${id}/events${query}`);
    equal((json as { data: JobEvent[] }).data, all, `the events after ${query}`);
  }
  for (const query of ["?after=1&after=2", "?before=1"])
    problemOf(await mine.call("GET", `/v1/jobs/${id}/events${query}`), 400, "malformed_request");
}

async function resumed(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const id = await eventfulJob(deployment);
  const all = await mine.events(id);
  for (const after of [1, 2, all.length - 1]) {
    const path = `/v1/jobs/${id}/events`;
    const byHeader = await listen(mine, path, { "Last-Event-ID": String(after) });
    const byQuery = await listen(mine, `${path}?after=${after}`);
    equal(eventsIn(byHeader.blocks), all.slice(after), `the events after Last-Event-ID: ${after}`);
    equal(eventsIn(byQuery.blocks), all.slice(after), `the events after ?after=${after}`);
  }
}

async function nothingToCome(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const id = await eventfulJob(deployment);
  const last = String((await mine.events(id)).length);
  const headers = { Accept: "text/event-stream", "Last-Event-ID": last };
  const answer = await mine.call("GET", `/v1/jobs/${id}/events`, { headers });
  equal([answer.status, answer.text], [204, ""], "a reconnect with the final id");
}

async function badAfter({ mine }: Deployment): Promise<void> {
  const { id } = await mine.park();
  problemOf(await mine.call("GET", `/v1/jobs/${id}/events?after=x`), 400, "malformed_request");
  const headers = { "Last-Event-ID": "-1" };
  problemOf(await mine.call("GET", `/v1/jobs/${id}/events`, { headers }), 400, "malformed_request");
}

async function comments({ mine }: Deployment): Promise<void> {
  const { id } = await mine.park();
  const { blocks } = await listen(mine, `/v1/jobs/${id}/events`, {}, COMMENT_MS + 2_000);
  const times = blocks.filter(({ comment }) => comment).map(({ at }) => at);
  const beganAt = blocks[0]?.at ?? 0;
  const gaps = times.map((at, index) => at - (times[index - 1] ?? beganAt));
  claim(times.length >= 2, `${times.length} comments came in ${COMMENT_MS} ms`);
  claim(Math.max(...gaps) <= COMMENT_MS, `between two comments lay ${Math.max(...gaps)} ms`);
}

async function overSocket(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const finished = await eventfulJob(deployment);
  const { id } = await mine.simulate({ duration_ms: 1_200, steps: 3 });
  for (const job of [finished, id]) {
    const { events, code } = await hear(mine, `/v1/jobs/${job}/events`);
    equal(code, 1000, "the code the socket was closed with");
    equal(events, await mine.events(job), "the events over the socket");
    isWhole(events);
  }
  const { events } = await hear(mine, `/v1/jobs/${finished}/events?after=2`);
  equal(events[0]?.seq, 3, "the first event after ?after=2");
}

async function socketOnlySends({ mine }: Deployment): Promise<void> {
  const { id } = await mine.park();
  const { code, events } = await hear(mine, `/v1/jobs/${id}/events`, "hello");
  equal(code, 1008, "the code after a message from the client");
  equal((await mine.read(id)).status, "queued", "the job after the message");
  claim(events.length > 0, "the socket was closed before the history came");
}

async function socketNeedsKey({ anyone, mine }: Deployment): Promise<void> {
  const { id } = await mine.park();
  equal((await hear(anyone, `/v1/jobs/${id}/events`)).refused, 401, "the answer to an upgrade without a key");
}

export const eventChecks: readonly Check[] = [
  check("contract 5", "events as JSON: numbered without gap, one final event at the end", asJson),
  check("contract 5", "failed and cancelled jobs end with their own event", finalsOfAllKinds),
  check("HTML SSE 9.2", "events as a stream: id is seq, event the type, data one line of JSON", asStream),
  check("contract 5", "a stream tells what follows as it happens, and is closed after the end", live),
  check("HTML SSE 9.2.4", "Last-Event-ID and ?after= resume exactly after it", resumed),
  check("contract 5", "an empty position, or one beyond the last event, is none", noPosition),
  check("HTML SSE 9.2.3", "a reconnect with the final id is 204", nothingToCome),
  check("contract 5", "a Last-Event-ID or ?after= that is no number is 400", badAfter),
  longCheck("HTML SSE 9.2.7", "a comment comes at least every 15 s", comments),
  check("RFC 6455", "a WebSocket carries the same events, and is closed with 1000 after the end", overSocket),
  check("RFC 6455", "a message from the client closes a WebSocket with 1008", socketOnlySends),
  check("RFC 6455", "an upgrade without a key is refused", socketNeedsKey),
];
