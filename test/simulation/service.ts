/** The service in its simulated deployment: its objects, its queues and their consumers, and the bindings between. */

import type { TenantTerms } from "../../src/submission/limits.ts";
import { defaultSettings } from "../../src/tenants/settings.ts";
import type { Witness } from "./invariants/witness.ts";
import type { System } from "./load.ts";
import { openBucket } from "./platform/bucket.ts";
import type { Home, ObjectClass } from "./platform/instance.ts";
import { openObjects } from "./platform/objects.ts";
import { kill, runningProcess } from "./platform/process.ts";
import { openQueue } from "./platform/queues.ts";
import type { Simulation } from "./platform/simulation.ts";
import type { DeliverToObject } from "./platform/sockets.ts";

export type Service = ReturnType<typeof openService>;

/** Deploys the service; `witness` sees every commit of its jobs. */
export function openService(simulation: Simulation, system: System, witness: Witness) {
  const { random } = simulation;
  const env = {} as Record<string, unknown>;
  const types = system.simulatedJobTypes(() => kill(runningProcess()));
  system.declareQueues?.(system.simulatedQueues);

  const indexes = openObjects(simulation, {
    kind: "job index",
    classOf: () => system.JobIndexObject as ObjectClass,
    env,
    // A list sets it again; but it finds only partitions that the directory knows.
    mayLoseAlarm: ({ name }) => isRegistered(name),
    mayBeFull: true,
  });
  const directories = openObjects(simulation, {
    kind: "index directory",
    classOf: () => system.IndexDirectoryObject as ObjectClass,
    env,
  });
  function isRegistered(partition: string): boolean {
    const [tenant = "", ...rest] = partition.split("/");
    return directories.homes.get(tenant)?.durable.kv.has(["partition", ...rest].join("/")) ?? false;
  }
  const uniqueKeys = openObjects(simulation, {
    kind: "unique key",
    classOf: () => system.UniqueKeyObject as ObjectClass,
    env,
    onCommit: witness.uniqueKeyCommitted,
  });
  const files = openObjects(simulation, {
    kind: "files",
    classOf: () => system.FilesObject as ObjectClass,
    env,
  });
  const datasets = openObjects(simulation, {
    kind: "dataset",
    classOf: () => system.DatasetObject as ObjectClass,
    env,
  });
  const queues = openObjects(simulation, {
    kind: "queue",
    classOf: () => system.QueueObject as ObjectClass,
    env,
    // A job that waits enters again, and sets it.
    mayLoseAlarm: () => true,
  });
  const bucket = openBucket(simulation);
  const jobs = openObjects(simulation, {
    kind: "job",
    classOf: () => system.JobObject as ObjectClass,
    env,
    onCommit: witness.jobCommitted,
    mayLoseAlarm: ({ name }) => witness.isReconciled(name, (partition) => indexes.homes.get(partition)),
  });

  const consumers = {
    jobs: (batch: never, waitUntil: unknown) =>
      system.consumeJobs(batch, env as never, { waitUntil } as never, types),
    deliveries: (batch: never, waitUntil: unknown) =>
      system.consumeDeliveries(batch, env as never, { waitUntil } as never),
  };

  const index = { period: random.pick(["month", "day", "hour"]), shards: random.pick([1, 1, 3]) };
  Object.assign(env, {
    JOBS: jobs.namespace,
    UNIQUE_KEYS: uniqueKeys.namespace,
    JOB_INDEXES: indexes.namespace,
    INDEX_DIRECTORIES: directories.namespace,
    // Variables of the deployment before, whose objects keep them.
    INDEX_PERIOD: index.period,
    INDEX_SHARDS: String(index.shards),
    TENANTS: { getByName: (id: string) => ({ lookUp: async () => simulatedLookUp(id, index) }) },
    ...Object.fromEntries(
      system.jobQueueBindings.map((binding) => [
        binding,
        openQueue(simulation, binding, (batch, waitUntil) => consumers.jobs(batch as never, waitUntil)),
      ]),
    ),
    DELIVERY_QUEUE: openQueue(simulation, "deliveries", (batch, waitUntil) =>
      consumers.deliveries(batch as never, waitUntil),
    ),
    FILE_RECORDS: files.namespace,
    DATASETS: datasets.namespace,
    QUEUES: queues.namespace,
    FILES: bucket.binding,
    SIGNING_SECRET: "simulated secret of 32 characters",
    WEBHOOK_SECRET: "simulated secret of 32 characters",
    LEASE_MS: String(random.pick([5_000, 30_000])),
    DISPATCH_TIMEOUT_MS: String(random.pick([2_000, 30_000])),
    LOCAL_QUEUE: "false",
    ALLOW_LOCALHOST_URLS: "false",
    OWN_HOSTS: "",
    JURISDICTION: "",
    LOCATION_HINTS: "",
  });

  const deliverToObject: DeliverToObject = (home, method, args) => {
    const act = (instance: Record<string, (...args: never[]) => Promise<unknown>>) =>
      instance[method]?.(...(args as never[])) ?? Promise.resolve();
    jobs.deliver(home as Home, { method, args }, act, () => undefined);
  };

  return {
    env: env as never,
    types,
    terms: { retentionMs: null, index } as TenantTerms,
    jobs,
    uniqueKeys,
    indexes,
    directories,
    files,
    datasets,
    queues,
    bucket,
    deliverToObject,
    evictIdle(): void {
      jobs.evictIdle();
      uniqueKeys.evictIdle();
      indexes.evictIdle();
      directories.evictIdle();
      files.evictIdle();
      datasets.evictIdle();
      queues.evictIdle();
    },
  };
}

/** Every tenant exists, with default settings but for its index. Its object is no part of the simulation. */
function simulatedLookUp(id: string, index: object) {
  const webhook = { generation: 1, previousExpiresAt: null };
  const tenant = { id, settings: { ...defaultSettings, index }, status: "active", webhook };
  return { tenant, key: null, used: null };
}
