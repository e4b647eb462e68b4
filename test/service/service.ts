/**
 * The whole service for tests from outside: a process group of its own, on a free port, with its own storage.
 * Tests reach it over HTTP and read its log; nothing else of it is theirs.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { type LogLine, type Service, type ServiceOptions, startService } from "../../scripts/service.ts";
import { type Client, openClient } from "./client.ts";

export type Patience = Pick<ServiceOptions, "leaseMs" | "redeliverMs">;

/** A service that can be killed and started again on the same port and storage. */
export async function startRestartable(patience: Patience = {}) {
  const stateDir = await mkdtemp(join(tmpdir(), "accepted-test-"));
  const log: LogLine[] = [];
  let service: Service | null = await startService({ stateDir, ...patience });
  const { url, keys } = service;
  const port = Number(new URL(url).port);

  async function end(how: "stop" | "kill"): Promise<void> {
    if (!service) return;
    const ending = service;
    service = null;
    await ending[how]();
    log.push(...ending.log);
  }

  return {
    url,
    keys,
    /** What was logged since the first start, restarts included. */
    log: () => [...log, ...(service?.log ?? [])],
    /** kill -9 of the whole process group, the runtime included. */
    kill: () => end("kill"),
    async restart(): Promise<void> {
      service = await startService({ stateDir, port, ...patience });
    },
    /** Ends it and removes its storage. */
    async discard(): Promise<void> {
      await end("stop");
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

export type Restartable = Awaited<ReturnType<typeof startRestartable>>;

/** A service for the tests of this file; the clients are those of its two tenants. */
export function useService(patience: Patience = {}) {
  let service: Restartable;
  let clients: { acme: Client; globex: Client };
  beforeAll(async () => {
    service = await startRestartable(patience);
    const { url, keys } = service;
    clients = { acme: openClient(url, keys.acme.full), globex: openClient(url, keys.globex.full) };
  });
  afterAll(() => service?.discard());
  return {
    get url() {
      return service.url;
    },
    get keys() {
      return service.keys;
    },
    get acme() {
      return clients.acme;
    },
    get globex() {
      return clients.globex;
    },
    /** The log lines about one job. */
    logOf: (id: string) => service.log().filter(({ job_id }) => job_id === id),
  };
}
