/**
 * Bugs that somebody might write, as changes of the real source, and how soon the simulation must notice each. They
 * show that its silence means something.
 */

import type { Patch } from "./load.ts";

export type Mutation = {
  bug: string;
  patches: readonly Patch[];
  /** One of the worlds from seed 1 to this one must break a promise. */
  within: number;
};

const patch = (file: string, find: string, replace: string): Patch => ({ file, find, replace });

export const mutations: readonly Mutation[] = [
  {
    bug: "any lease is as good as the current one",
    patches: [
      patch(
        "src/core/lease.ts",
        '"lease" in phase && phase.lease === command.lease) {',
        '"lease" in phase) {',
      ),
    ],
    within: 500,
  },
  {
    bug: "a message starts an attempt while another runs",
    patches: [
      patch(
        "src/core/transition.ts",
        'const isAsked = "wait" in phase && phase.wait.sends > 0;',
        "const isAsked = true;",
      ),
      patch(
        "src/core/transition.ts",
        "command.attempt !== attempt || command.slice !== slice",
        "command.slice !== slice",
      ),
    ],
    within: 100,
  },
  {
    bug: "a message that came early starts the retry before its time",
    patches: [
      patch("src/core/transition.ts", '"wait" in phase && phase.wait.sends > 0;', '"wait" in phase;'),
      patch(
        "src/core/waiting.ts",
        "dueAt > now) return { wait: { dueAt, sends: 0, nextSendAt: dueAt }, effects: [] };",
        'dueAt > now) return { wait: { dueAt, sends: 0, nextSendAt: dueAt }, effects: [{ type: "dispatch", attempt, slice }] };',
      ),
    ],
    within: 100,
  },
  {
    bug: "the watchdog of a waiting job is not armed",
    patches: [patch("src/core/wakeup.ts", ": [timeLimit, send(phase.wait)];", ": [timeLimit];")],
    within: 100,
  },
  {
    bug: "nobody looks at the lease",
    patches: [patch("src/core/wakeup.ts", '{ at: phase.leaseEndsAt, kind: "lease" },', "")],
    within: 100,
  },
  {
    bug: "the alarm's handler throws what it meets",
    patches: [patch("src/job/object.ts", "this.#alarm.ringBy(now() + ALARM_RETRY_MS);", "throw error;")],
    within: 500,
  },
  {
    bug: "attempts are not counted against their number",
    patches: [
      patch(
        "src/core/transition.ts",
        "if (attempt >= policy.maxAttempts) return",
        "if (attempt >= 25) return",
      ),
    ],
    within: 100,
  },
  {
    bug: "a retry does not wait",
    patches: [
      patch(
        "src/core/transition.ts",
        "const dueAt = now + backoffMs(policy.backoff, attempt, failure.retryAfterMs, random);",
        "const dueAt = now;",
      ),
    ],
    within: 100,
  },
  {
    bug: "a second cancellation cancels again",
    patches: [
      patch(
        "src/core/transition.ts",
        'if (status === "cancelled") return answered({ ok: true }, unchanged(job));',
        "",
      ),
    ],
    within: 500,
  },
  {
    bug: "the final event is told twice",
    patches: [
      patch(
        "src/core/transition.ts",
        '[{ type: "job.succeeded", attempt: attempts.length }]',
        '[{ type: "job.succeeded", attempt: attempts.length }, { type: "job.succeeded", attempt: attempts.length }]',
      ),
    ],
    within: 100,
  },
  {
    bug: "a place is never released",
    patches: [
      patch("src/places/object.ts", "if (this.#holder() === jobId) await this.ctx.storage.deleteAll();", ""),
    ],
    within: 100,
  },
  {
    bug: "a place asks nobody whether it is still held",
    patches: [patch("src/core/job.ts", "if (!isFinished(job)) return true;", "return true;")],
    within: 100,
  },
  {
    bug: "a place is given away while its holder waits",
    patches: [
      patch(
        "src/core/job.ts",
        "if (!isFinished(job)) return true;",
        'if (job.phase.status === "running") return true;',
      ),
    ],
    within: 500,
  },
  {
    bug: "a delivery is never given up",
    patches: [
      patch(
        "src/core/delivery.ts",
        "const plainMs = SCHEDULE_MS[step];",
        "const plainMs = SCHEDULE_MS[Math.min(step, 8)];",
      ),
    ],
    within: 100,
  },
  {
    bug: "Retry-After of a receiver is not heeded",
    patches: [patch("src/core/delivery.ts", "Math.max(waitMs, retryAfterMs ?? 0)", "waitMs")],
    within: 100,
  },
  {
    bug: "effects are performed before the job is stored",
    patches: [
      patch(
        "src/job/object.ts",
        "if (job !== before) this.#store.save(decision);",
        `if (job !== before) {
           const performed = effects.map((effect) => performEffect(this.env, job, effect));
           void Promise.all(performed).then(() => this.#store.save(decision));
         }`,
      ),
    ],
    within: 100,
  },
  {
    bug: "a key forgets which job it was answered with",
    patches: [
      patch("src/job/submit.ts", "if (submission.fingerprint !== null && !isAlias) {", "if (false) {"),
    ],
    within: 500,
  },
  {
    bug: "older news of a job overwrite newer ones in the listing",
    patches: [patch("src/listing/store.ts", "> version) return null;", "> version + 1_000) return null;")],
    within: 500,
  },
  {
    bug: "the listing knocks on nobody",
    patches: [
      patch(
        "src/listing/object.ts",
        "await Promise.all(late.slice(first, first + KNOCKS_AT_ONCE).map((key) => this.#knock(key)));",
        "",
      ),
    ],
    within: 100,
  },
  {
    bug: "nobody makes sure that the listing has heard",
    patches: [patch("src/job/object.ts", "else await this.#announcer.confirm(decision.job);", "")],
    within: 500,
  },
  {
    bug: "words that come late bring a deleted job back on the list",
    patches: [
      patch(
        "src/listing/store.ts",
        "      removePairs(key);\n      sql.exec(",
        "      remove(key);\n      sql.exec(",
      ),
    ],
    within: 500,
  },
  {
    bug: "a report that failed is repeated at once",
    patches: [
      patch(
        "src/queue/reporter.ts",
        "sentAt = now() - (hasNews() ? newsMs() : beatMs) + NEWS_MS;",
        "sentAt = 0;",
      ),
    ],
    within: 500,
  },
  {
    bug: "a job whose clock is behind is knocked on without a pause",
    patches: [patch("src/listing/object.ts", "return Math.max(at, now() + REVIEW_EVERY_MS);", "return at;")],
    within: 100,
  },
];
