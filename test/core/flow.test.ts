/** Which job of a queue starts next. */

import { expect, test } from "vitest";
import { Flow } from "../../src/core/flow.ts";
import {
  defaultQueueLimits,
  type FlowRules,
  type QueueEntry,
  type QueueLimits,
} from "../../src/core/queue.ts";

let ids = 0;
const anyJob = () => true;

function entryOf(changes: Partial<QueueEntry> = {}): QueueEntry {
  ids += 1;
  return {
    jobId: `job-${ids}`,
    tenant: "acme",
    weight: 1,
    type: "test.simulate",
    isRemote: false,
    key: null,
    enteredAt: ids,
    priority: 0,
    attempt: 1,
    continuation: 0,
    attemptTimeoutMs: 60_000,
    ...changes,
  };
}

function rulesOf(limits: Partial<QueueLimits>, changes: Partial<FlowRules> = {}): FlowRules {
  return { limits: { ...defaultQueueLimits, ...limits }, keys: {}, isPaused: false, ...changes };
}

function waitingFlow(...entries: QueueEntry[]): Flow {
  const flow = new Flow();
  for (const entry of entries) flow.wait(entry);
  return flow;
}

/** Starts all that may start now, in their order. */
function startAll(flow: Flow, rules: FlowRules, now: number): QueueEntry[] {
  const started: QueueEntry[] = [];
  for (let next = flow.next(rules, now, anyJob); next; next = flow.next(rules, now, anyJob)) {
    flow.start(rules, next, now);
    started.push(next);
  }
  return started;
}

test("jobs of one tenant and key: first in → first out", () => {
  const [first, second, third] = [entryOf(), entryOf(), entryOf()];
  const flow = waitingFlow(third, first, second);
  expect(startAll(flow, rulesOf({}), 0)).toEqual([first, second, third]);
});

test("priority: 60 → placed as if it had entered 60 s earlier, and not before that", () => {
  const early = entryOf({ enteredAt: 0 });
  const plain = entryOf({ enteredAt: 50_000 });
  const urgent = entryOf({ enteredAt: 70_000, priority: 60 });
  expect(startAll(waitingFlow(plain, urgent, early), rulesOf({}), 0)).toEqual([early, urgent, plain]);
});

test("concurrency: full → nothing starts until one leaves", () => {
  const entries = [entryOf(), entryOf(), entryOf()];
  const flow = waitingFlow(...entries);
  const rules = rulesOf({ concurrency: 2 });
  const [first] = startAll(flow, rules, 0);
  expect(flow.running()).toHaveLength(2);
  expect(flow.isFull(rules, 0)).toBe(true);
  expect(flow.nextStartAt(rules, 0)).toBe(null);
  if (first) flow.leave(first);
  expect(startAll(flow, rules, 0)).toEqual([entries[2]]);
});

test("concurrency per key: taken → the next key's job starts, the same key's waits", () => {
  const [one, same, other, none] = [
    entryOf({ key: "a" }),
    entryOf({ key: "a" }),
    entryOf({ key: "b" }),
    entryOf(),
  ];
  const flow = waitingFlow(one, same, other, none);
  const rules = rulesOf({ concurrencyPerKey: 1 });
  expect(startAll(flow, rules, 0)).toEqual([one, other, none]);
  expect(flow.blockedBy(rules, same, 0)).toEqual({ limit: "concurrencyPerKey", againAt: null });
});

test("concurrency of one key overridden: that key alone has more", () => {
  const entries = [
    entryOf({ key: "a" }),
    entryOf({ key: "a" }),
    entryOf({ key: "b" }),
    entryOf({ key: "b" }),
  ];
  const started = startAll(waitingFlow(...entries), rulesOf({ concurrencyPerKey: 1 }, { keys: { a: 2 } }), 0);
  expect(started.map(({ key }) => key).sort()).toEqual(["a", "a", "b"]);
});

test("a key of another tenant: is another key", () => {
  const entries = [entryOf({ key: "a" }), entryOf({ key: "a", tenant: "globex" })];
  expect(startAll(waitingFlow(...entries), rulesOf({ concurrencyPerKey: 1 }), 0)).toHaveLength(2);
});

test("60 starts a minute, burst 1 → one a second, from the first second on", () => {
  const flow = waitingFlow(...Array.from({ length: 100 }, () => entryOf({ enteredAt: 0 })));
  const rules = rulesOf({ starts: { count: 60, perMs: 60_000, burst: 1 } });
  const times: number[] = [];
  for (let now = 0; now < 60_000; now += 100) for (const _ of startAll(flow, rules, now)) times.push(now);
  expect(times).toHaveLength(60);
  expect(Math.min(...times.slice(1).map((at, index) => at - (times[index] ?? 0)))).toBe(1_000);
});

test("starts with burst 5: five at once, then one by one", () => {
  const flow = waitingFlow(...Array.from({ length: 20 }, () => entryOf({ enteredAt: 0 })));
  const rules = rulesOf({ starts: { count: 60, perMs: 60_000, burst: 5 } });
  expect(startAll(flow, rules, 0)).toHaveLength(5);
  expect(flow.nextStartAt(rules, 0)).toBe(1_000);
  expect(startAll(flow, rules, 999)).toHaveLength(0);
  expect(startAll(flow, rules, 1_000)).toHaveLength(1);
});

test("starts per key: one key's rate does not hold up another's", () => {
  const entries = [entryOf({ key: "a" }), entryOf({ key: "a" }), entryOf({ key: "b" })];
  const flow = waitingFlow(...entries);
  const rules = rulesOf({ startsPerKey: { count: 1, perMs: 1_000, burst: 1 } });
  expect(startAll(flow, rules, 0)).toEqual([entries[0], entries[2]]);
  expect(startAll(flow, rules, 1_000)).toEqual([entries[1]]);
});

test("rates that were stored: hold after a restart", () => {
  const rules = rulesOf({ starts: { count: 1, perMs: 1_000, burst: 1 } });
  const before = waitingFlow(entryOf());
  const next = before.next(rules, 0, anyJob);
  const rates = next ? before.start(rules, next, 0) : [];
  const after = new Flow(rates);
  after.wait(entryOf());
  expect(after.next(rules, 999, anyJob)).toBe(null);
  expect(after.next(rules, 1_000, anyJob)).not.toBe(null);
});

test("paused: nothing starts, and no alarm is asked for", () => {
  const flow = waitingFlow(entryOf());
  const rules = rulesOf({ starts: { count: 1, perMs: 1_000, burst: 1 } }, { isPaused: true });
  expect(startAll(flow, rules, 0)).toEqual([]);
  expect(flow.nextStartAt(rules, 0)).toBe(null);
});

test("backlogs: full for all, or for one tenant", () => {
  const flow = waitingFlow(entryOf(), entryOf({ tenant: "globex" }));
  expect(flow.fullBacklog(rulesOf({ backlog: 2 }), "acme")).toEqual({
    limit: "backlog",
    allowed: 2,
    used: 2,
  });
  const perTenant = rulesOf({ backlogPerTenant: 1 });
  expect(flow.fullBacklog(perTenant, "acme")).toEqual({ limit: "backlogPerTenant", allowed: 1, used: 1 });
  expect(flow.fullBacklog(perTenant, "initech")).toBe(null);
});

/** Runs a queue in which every job takes `lastsMs`; returns when each job started. */
function simulate(
  flow: Flow,
  rules: FlowRules,
  { untilMs, lastsMs }: { untilMs: number; lastsMs: (entry: QueueEntry) => number },
  arrivals: (now: number) => QueueEntry[] = () => [],
): { entry: QueueEntry; at: number }[] {
  const started: { entry: QueueEntry; at: number }[] = [];
  let running: { entry: QueueEntry; endsAt: number }[] = [];
  for (let now = 0; now <= untilMs; now += 100) {
    for (const entry of arrivals(now)) flow.wait(entry);
    for (const { entry } of running.filter(({ endsAt }) => endsAt <= now)) flow.leave(entry);
    running = running.filter(({ endsAt }) => endsAt > now);
    for (const entry of startAll(flow, rules, now)) {
      started.push({ entry, at: now });
      running.push({ entry, endsAt: now + lastsMs(entry) });
    }
  }
  return started;
}

test.each([1, 10])(
  "a tenant with 5,000 waiting jobs, concurrency %i → another's first job waits one job's length at most",
  (concurrency) => {
    const flow = waitingFlow(
      ...Array.from({ length: 5_000 }, () => entryOf({ tenant: "whale", enteredAt: 0 })),
    );
    const small = entryOf({ tenant: "small", enteredAt: 3_000 });
    const started = simulate(
      flow,
      rulesOf({ concurrency }),
      { untilMs: 10_000, lastsMs: () => 500 },
      (now) => (now === 3_000 ? [small] : []),
    );
    const startedAt = started.find(({ entry }) => entry === small)?.at ?? Number.POSITIVE_INFINITY;
    expect(startedAt - 3_000).toBeLessThanOrEqual(500);
  },
);

test.each([1, 8])(
  "weights 3 and 1, both with a backlog, concurrency %i → they share 3 to 1",
  (concurrency) => {
    const both = Array.from({ length: 2_000 }, () => [
      entryOf({ tenant: "gold", weight: 3, enteredAt: 0 }),
      entryOf({ tenant: "free", weight: 1, enteredAt: 0 }),
    ]);
    const started = simulate(waitingFlow(...both.flat()), rulesOf({ concurrency }), {
      untilMs: 60_000,
      lastsMs: () => 500,
    });
    const gold = started.filter(({ entry }) => entry.tenant === "gold").length;
    expect(gold / (started.length - gold)).toBeCloseTo(3, 0);
  },
);

test("random lives of a queue: no limit is ever exceeded, and nothing waits that may start", () => {
  let seed = 7;
  const random = (max: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % max;
  };
  for (let life = 0; life < 50; life += 1) {
    const limits = {
      concurrency: 1 + random(6),
      concurrencyPerKey: 1 + random(3),
      concurrencyPerTenant: 1 + random(4),
    };
    const rules = rulesOf(limits);
    const flow = new Flow();
    for (let step = 0; step < 200; step += 1) {
      const running = flow.running();
      const leaving = random(3) === 0 ? running[random(Math.max(1, running.length))] : undefined;
      if (leaving) flow.leave(leaving);
      else flow.wait(entryOf({ tenant: `t${random(3)}`, key: random(2) === 0 ? null : `k${random(3)}` }));
      startAll(flow, rules, step);
      const count = (is: (entry: QueueEntry) => boolean) => flow.running().filter(is).length;
      expect(flow.running().length).toBeLessThanOrEqual(limits.concurrency);
      for (const { tenant, key } of flow.running()) {
        expect(count((other) => other.tenant === tenant)).toBeLessThanOrEqual(limits.concurrencyPerTenant);
        if (key !== null)
          expect(count((other) => other.tenant === tenant && other.key === key)).toBeLessThanOrEqual(
            limits.concurrencyPerKey,
          );
      }
      expect(flow.next(rules, step, anyJob)).toBe(null);
    }
  }
});
