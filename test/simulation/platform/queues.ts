/**
 * A queue and the invocations that consume it: messages may be refused, lost, doubled, late and out of order. A message
 * is one invocation; if it dies, the message comes again, a few times.
 */

import { copy } from "./copy.ts";
import { kill, leave, runAs, runningProcess } from "./process.ts";
import { type Simulation, spawn, travelMs } from "./simulation.ts";

const RETRIES_MAX = 3;

/** No invocation of a consumer lives longer. */
const INVOCATION_MS = 15 * 60_000;

type Queued = { id: string; body: unknown; deliveries: number };
type Verdict = { kind: "ack" } | { kind: "retry"; delayMs: number };

/** What the Worker's queue handler is given, as far as it uses it. */
export type Batch = {
  queue: string;
  messages: { id: string; body: unknown; ack(): void; retry(options?: { delaySeconds?: number }): void }[];
};

/** Consumes one batch; resolves when its invocation may end. */
export type Consumer = (batch: Batch, waitUntil: (work: Promise<unknown>) => void) => Promise<void>;

/** The queue called `name`: its producer's binding. */
export function openQueue(simulation: Simulation, name: string, consume: Consumer) {
  const { clock, faults, random } = simulation;
  let sent = 0;
  let invocations = 0;

  function enqueue(message: Queued, delayMs: number): void {
    if (faults.occurs("messageLost")) {
      simulation.note(`${name} ${message.id} lost`);
      return;
    }
    const lateMs = faults.occurs("messageLate") ? random.spread(1_000, 30 * 60_000) : random.between(1, 60);
    clock.schedule(delayMs + lateMs, `${name} ${message.id} ready`, () => {
      clock.schedule(random.between(0, 20), `${name} batch`, () => invoke([message]));
    });
    if (faults.occurs("messageDoubled")) enqueue({ ...message }, random.spread(1, 60_000));
  }

  function invoke(batch: Queued[]): void {
    invocations += 1;
    const worker = spawn(simulation, "worker", `${name} worker #${invocations}`);
    const verdicts = new Map<Queued, Verdict>();
    const tails: Promise<unknown>[] = [];
    const tooLong = clock.schedule(INVOCATION_MS, `${worker.name} lived too long`, () => kill(worker));
    const comeAgain = () => {
      tooLong();
      for (const message of batch) again(message, random.between(100, 30_000));
    };
    worker.atDeath.add(comeAgain);
    const messages = batch.map((message) => ({
      id: message.id,
      body: copy(message.body),
      ack: () => verdicts.set(message, { kind: "ack" }),
      retry: ({ delaySeconds = 0 } = {}) =>
        verdicts.set(message, { kind: "retry", delayMs: delaySeconds * 1_000 }),
    }));
    const settled = runAs(worker, () => consume({ queue: name, messages }, (work) => tails.push(work)));
    const end = (isFailed: boolean) => {
      if (worker.isDead) return;
      worker.atDeath.delete(comeAgain);
      for (const message of batch) {
        const verdict = verdicts.get(message) ?? { kind: isFailed ? "retry" : "ack", delayMs: 0 };
        if (verdict.kind === "retry") again(message, verdict.delayMs);
      }
      Promise.allSettled(tails).then(() => {
        tooLong();
        kill(worker);
      });
    };
    settled.then(
      () => end(false),
      () => end(true),
    );
  }

  function again(message: Queued, delayMs: number): void {
    if (message.deliveries > RETRIES_MAX) simulation.note(`${name} ${message.id} dropped after its retries`);
    else enqueue({ ...message, deliveries: message.deliveries + 1 }, delayMs);
  }

  return {
    /** Resolves when the queue has taken the message. */
    send(body: unknown): Promise<void> {
      const sender = runningProcess();
      sent += 1;
      const message = { id: `message ${sent}`, body: copy(body), deliveries: 1 };
      return new Promise((resolve, reject) => {
        leave(sender, () => {
          const isRefused = faults.occurs("sendRefused");
          const isTaken = !isRefused || random.chance(0.5);
          if (isTaken) enqueue(message, 0);
          clock.schedule(
            travelMs(simulation),
            `${name} ${message.id} ${isRefused ? "refused" : "taken"}`,
            () => {
              if (sender.isDead) return;
              if (isRefused) reject(new Error("Queue send failed."));
              else resolve();
            },
          );
        });
      });
    },
  };
}
