/**
 * Bugs that someone might write, as patches of the real source. The simulation must find each one, which shows that a
 * clean run means something.
 */

import type { Patch } from "./load.ts";

export type Mutation = {
  mutation: string;
  patches: readonly Patch[];
  /** The seed whose run violates an invariant. */
  seed: number;
};

const patch = (file: string, find: string, replace: string): Patch => ({ file, find, replace });

export const mutations: readonly Mutation[] = [
  {
    mutation: "a run call is accepted with any lease",
    patches: [
      patch(
        "src/core/lease.ts",
        '"lease" in phase && phase.lease === command.lease) {',
        '"lease" in phase) {',
      ),
    ],
    seed: 8,
  },
  {
    mutation: "a message starts an attempt while another runs",
    patches: [
      patch(
        "src/core/transition.ts",
        'const isDispatched = "wait" in phase && phase.wait.dispatches > 0;',
        "const isDispatched = true;",
      ),
      patch(
        "src/core/transition.ts",
        "command.attempt !== attempt || command.continuation !== continuation",
        "command.continuation !== continuation",
      ),
    ],
    seed: 2,
  },
  {
    mutation: "an early message starts the retry before it is due",
    patches: [
      patch("src/core/transition.ts", '"wait" in phase && phase.wait.dispatches > 0;', '"wait" in phase;'),
      patch(
        "src/core/dispatch.ts",
        "nextDispatchAt: dueAt }, effects: [] };",
        'nextDispatchAt: dueAt }, effects: [{ type: "dispatch", attempt, continuation }] };',
      ),
    ],
    seed: 2,
  },
  {
    mutation: "a waiting job has no dispatch deadline",
    patches: [
      patch("src/core/timeouts.ts", ": [totalTimeout, dispatchDeadline(phase.wait)];", ": [totalTimeout];"),
    ],
    seed: 2,
  },
  {
    mutation: "an expired lease is ignored",
    patches: [patch("src/core/timeouts.ts", '{ at: phase.leaseEndsAt, kind: "lease" },', "")],
    seed: 1,
  },
  {
    mutation: "the alarm handler throws",
    patches: [patch("src/objects/job/wake.ts", "if (woken) alarm.keep(woken);", "throw error;")],
    seed: 46,
  },
  {
    mutation: "max_attempts is ignored",
    patches: [
      patch(
        "src/core/transition.ts",
        "if (attempt >= policy.maxAttempts) return",
        "if (attempt >= 25) return",
      ),
    ],
    seed: 2,
  },
  {
    mutation: "a retry has no backoff",
    patches: [
      patch(
        "src/core/transition.ts",
        "const dueAt = now + backoffMs(policy.backoff, attempt, failure.retryAfterMs, random);",
        "const dueAt = now;",
      ),
    ],
    seed: 3,
  },
  {
    mutation: "a second cancellation changes the job again",
    patches: [
      patch(
        "src/core/transition.ts",
        'if (status === "cancelled") return decide({ ok: true }, noChange(job));',
        "",
      ),
    ],
    seed: 29,
  },
  {
    mutation: "the terminal event is emitted twice",
    patches: [
      patch(
        "src/core/transition.ts",
        '{ type: "job.succeeded", attempt: attempts.length },',
        '{ type: "job.succeeded", attempt: 1 }, { type: "job.succeeded", attempt: 1 },',
      ),
    ],
    seed: 1,
  },
  {
    mutation: "a unique key is never released",
    patches: [
      patch(
        "src/objects/unique-key/object.ts",
        "if (this.#owner() === jobId) await this.ctx.storage.deleteAll();",
        "",
      ),
    ],
    seed: 1,
  },
  {
    mutation: "a unique key is never free once it is owned",
    patches: [patch("src/core/facts.ts", "if (!isFinished(job)) return true;", "return true;")],
    seed: 34,
  },
  {
    mutation: "a queued job does not own its unique key",
    patches: [
      patch(
        "src/core/facts.ts",
        "if (!isFinished(job)) return true;",
        'if (job.phase.status === "running") return true;',
      ),
    ],
    seed: 36,
  },
  {
    mutation: "a failing delivery is retried without end",
    patches: [
      patch(
        "src/core/deliveries.ts",
        "const plainMs = DELIVERY_SCHEDULE_MS[step];",
        "const plainMs = DELIVERY_SCHEDULE_MS[Math.min(step, 8)];",
      ),
    ],
    seed: 8,
  },
  {
    mutation: "a receiver's Retry-After is ignored",
    patches: [patch("src/core/deliveries.ts", "Math.max(waitMs, retryAfterMs ?? 0)", "waitMs")],
    seed: 14,
  },
  {
    mutation: "effects are performed before the job is stored",
    patches: [
      patch(
        "src/objects/job/object.ts",
        "if (job !== before) this.#store.save(decision, isNews);",
        `if (job !== before) {
           const performed = effects.map((effect) => performEffect(this.env, job, effect));
           void Promise.all(performed).then(() => this.#store.save(decision, isNews));
         }`,
      ),
    ],
    seed: 2,
  },
  {
    mutation: "an idempotency key forgets an existing job",
    patches: [patch("src/objects/job/submit.ts", "    this.#keepAnswer(submission, found.job.id);\n", "")],
    seed: 670,
  },
  {
    mutation: "an older update overwrites a newer index entry",
    patches: [
      patch(
        "src/objects/job-index/store.ts",
        '> version) return { kind: "outdated" };',
        '> version + 1_000) return { kind: "outdated" };',
      ),
    ],
    seed: 8,
  },
  {
    mutation: "the job index reconciles no job",
    patches: [
      patch(
        "src/objects/job-index/sweeper.ts",
        "overdue.slice(first, first + RECONCILE_CONCURRENCY).map((key) => this.#reconcile(tenant, key)),",
        "",
      ),
    ],
    seed: 1,
  },
  {
    mutation: "the alarm does not confirm the index entry",
    patches: [
      patch(
        "src/objects/job/wake.ts",
        "!store.isUnconfirmed() || (await indexPublisher.publishDurably(woken));",
        "true;",
      ),
    ],
    seed: 9,
  },
  {
    mutation: "a late update lists a deleted job again",
    patches: [
      patch(
        "src/objects/job-index/store.ts",
        "this.#rows.addTombstone(key, now);",
        "this.#rows.delete(key);",
      ),
    ],
    seed: 47,
  },
  {
    mutation: "a failed report is repeated without a pause",
    patches: [
      patch(
        "src/runner/run-reporter.ts",
        "this.#retryAt = now() + REPORT_INTERVAL_MS;",
        "this.#retryAt = now();",
      ),
    ],
    seed: 47,
  },
  {
    mutation: "rows that are staged again are stored again",
    patches: [
      patch("src/objects/dataset/store.ts", "if (chunk.firstLine > line) return [chunk];", "return [chunk];"),
    ],
    seed: 9,
  },
  {
    mutation: "a dataset keeps what a job that is over left staged",
    patches: [
      patch(
        "src/objects/dataset/object.ts",
        "for (const staged of this.#generations.staged()) await this.#discardIfOver(staged);",
        "",
      ),
    ],
    seed: 124,
  },
  {
    mutation: "a purged job leaves its files",
    patches: [patch("src/runner/context.ts", "confirmed(() => api().holdFiles(lease));", "ensureCurrent();")],
    seed: 22,
  },
  {
    mutation: "progress in memory does not change the entity tag",
    patches: [patch("src/rpc/views.ts", "if (held?.progress)", "if (held?.progress && held.number < 0)")],
    seed: 128,
  },
  {
    mutation: "a queue never asks its jobs where they stand",
    patches: [
      patch(
        "src/objects/queue/dispatcher.ts",
        "if (this.#askAt !== null && this.#askAt > now()) return;",
        "return;",
      ),
    ],
    seed: 46,
  },
  {
    mutation: "a job starts before its queue has a slot for it",
    patches: [
      patch(
        "src/objects/job/queueing.ts",
        'return (await withRetry(() => queueObject(env, ref).enter(entry, false))).kind === "granted";',
        "await queueObject(env, ref).enter(entry, false); return true;",
      ),
    ],
    seed: 114,
  },
];
