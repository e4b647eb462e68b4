/** The service in its simulated deployment: its objects, its queues and their consumers, and the bindings between. */

import type { Witness } from "./invariants/witness.ts";
import type { System } from "./load.ts";
import type { ObjectClass } from "./platform/life.ts";
import { openObjects } from "./platform/objects.ts";
import { kill, runningProcess } from "./platform/process.ts";
import { openQueue } from "./platform/queues.ts";
import type { TellObject } from "./platform/sockets.ts";
import { openStores } from "./platform/stores.ts";
import type { World } from "./platform/world.ts";

export type Service = ReturnType<typeof openService>;

/** Deploys the service; `witness` sees every commit of its jobs. */
export function openService(world: World, system: System, witness: Witness) {
  const { random } = world;
  const env = {} as Record<string, unknown>;
  const types = system.simulatedJobTypes(() => kill(runningProcess()));

  const listings = openObjects(world, { kind: "listing", Class: system.JobIndexObject as ObjectClass, env });
  const uniqueKeys = openObjects(world, {
    kind: "place",
    Class: system.UniqueKeyObject as ObjectClass,
    env,
    heed: witness.placeCommitted,
  });
  const jobs = openObjects(world, {
    kind: "job",
    Class: system.JobObject as ObjectClass,
    env,
    heed: witness.jobCommitted,
    mayLoseAlarm: ({ name }) => witness.isLookedAfter(name, (tenant) => listings.homes.get(tenant)),
  });

  const consumers = {
    jobs: (batch: never, waitUntil: unknown) =>
      system.consumeJobs(batch, env as never, { waitUntil } as never, types),
    deliveries: (batch: never, waitUntil: unknown) =>
      system.consumeDeliveries(batch, env as never, { waitUntil } as never),
  };

  Object.assign(env, {
    JOBS: jobs.namespace,
    UNIQUE_KEYS: uniqueKeys.namespace,
    JOB_INDEXES: listings.namespace,
    JOB_QUEUE: openQueue(world, "jobs", (batch, waitUntil) => consumers.jobs(batch as never, waitUntil)),
    DELIVERY_QUEUE: openQueue(world, "deliveries", (batch, waitUntil) =>
      consumers.deliveries(batch as never, waitUntil),
    ),
    ...openStores(world),
    WEBHOOK_SECRET: "simulated",
    LEASE_MS: String(random.pick([5_000, 30_000])),
    DISPATCH_TIMEOUT_MS: String(random.pick([2_000, 30_000])),
    LOCAL_QUEUE: "false",
    ALLOW_LOCALHOST_URLS: "false",
  });

  const tellObject: TellObject = (home, method, args) => {
    const act = (instance: Record<string, (...args: never[]) => Promise<unknown>>) =>
      instance[method]?.(...(args as never[])) ?? Promise.resolve();
    jobs.deliver(home, { method, args }, act, () => undefined);
  };

  return {
    env: env as never,
    types,
    jobs,
    uniqueKeys,
    listings,
    tellObject,
    evictIdle(): void {
      jobs.evictIdle();
      uniqueKeys.evictIdle();
      listings.evictIdle();
    },
  };
}
