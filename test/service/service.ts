/**
 * The whole service for tests from outside, over HTTP: the one that all files share, or one of a file's own, in a
 * process group and with a storage of its own.
 */

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, inject } from "vitest";
import type { LocalKeys } from "../../scripts/local-keys.ts";
import { type Restartable, startRestartable } from "../../scripts/restartable.ts";
import type { LogLine } from "../../scripts/service.ts";
import { type Client, openClient } from "./client.ts";

const readLog = (file: string): LogLine[] =>
  readFileSync(file, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));

/** What tests see of a service; the clients are those of its two tenants. */
export type TestService = {
  url: string;
  keys: LocalKeys;
  acme: Client;
  globex: Client;
  /** The log lines about one job. */
  logOf: (id: string) => LogLine[];
};

function describeService(url: string, keys: LocalKeys, log: () => LogLine[]): TestService {
  return {
    url,
    keys,
    acme: openClient(url, keys.acme.full),
    globex: openClient(url, keys.globex.full),
    logOf: (id) => log().filter(({ job_id }) => job_id === id),
  };
}

/** The service that all files share. A test looks only at what it made itself. */
export function sharedService(): TestService {
  const { url, keys, logFile } = inject("service");
  return describeService(url, keys, () => readLog(logFile));
}

/** A service for the tests of this file alone; what it is may be read once the tests run. */
export function useOwnService(): TestService {
  const service = {} as TestService;
  let own: Restartable | undefined;
  beforeAll(async () => {
    own = await startRestartable();
    const { url, keys, log } = own;
    Object.assign(service, describeService(url, keys, log));
  });
  afterAll(() => own?.discard());
  return service;
}
