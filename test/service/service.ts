/**
 * The whole service for tests from outside: a process group of its own, on a free port, with its own storage.
 * Tests reach it over HTTP and read its log; nothing else of it is theirs.
 */

import { afterAll, beforeAll } from "vitest";
import { type Patience, type Restartable, startRestartable } from "../../scripts/restartable.ts";
import { type Client, openClient } from "./client.ts";

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
