/** Where a deployment's objects are: its jurisdiction, and the hints for its tenants. */

import { expect, test } from "vitest";
import { type Env, settings } from "../../src/env.ts";
import { jobObject, submissionObject } from "../../src/rpc/job.ts";
import { partitionObject } from "../../src/rpc/job-index.ts";

/** A deployment whose namespaces note how each object was asked for. */
function deployment(variables: Record<string, string>) {
  const asked: string[] = [];
  const namespace = (place: string): object => ({
    jurisdiction: (name: string) => namespace(name),
    newUniqueId: () => `${place} new`,
    idFromName: (name: string) => `${place} ${name}`,
    idFromString: () => `${place} known`,
    get: (id: string, options?: object) => void asked.push(`${id} ${JSON.stringify(options ?? {})}`),
    getByName: (name: string, options: object) =>
      void asked.push(`${place} ${name} ${JSON.stringify(options)}`),
  });
  const JOBS = namespace("anywhere");
  const env = {
    ...{ JOBS, JOB_INDEXES: namespace("anywhere"), LEASE_MS: "1000", DISPATCH_TIMEOUT_MS: "1000" },
    ...{ LOCAL_QUEUE: "true", ALLOW_LOCALHOST_URLS: "false", OWN_HOSTS: "", SIGNING_SECRET: "s".repeat(32) },
    ...{ JURISDICTION: "", LOCATION_HINTS: "", ...variables },
  } as unknown as Env;
  return { env, asked };
}

test("LOCATION_HINTS: a tenant's own, else that of all others → where its new objects are made", () => {
  const { env, asked } = deployment({ LOCATION_HINTS: "acme=weur, *=enam" });
  for (const tenant of ["acme", "globex"]) submissionObject(env, tenant, null);
  submissionObject(env, "acme", "key");
  partitionObject(env, "globex", "2026-11/0");
  expect(asked).toEqual([
    'anywhere new {"locationHint":"weur"}',
    'anywhere new {"locationHint":"enam"}',
    'anywhere acme/key {"locationHint":"weur"}',
    'anywhere globex/2026-11/0 {"locationHint":"enam"}',
  ]);
});

test("JURISDICTION: eu → every object is one of the jurisdiction, also a known one", () => {
  const { env, asked } = deployment({ JURISDICTION: "eu" });
  submissionObject(env, "acme", null);
  submissionObject(env, "acme", "key");
  partitionObject(env, "acme", "2026-11/0");
  jobObject(env, "acme", `job_${"1".repeat(47)}`);
  expect(asked).toEqual(["eu new {}", "eu acme/key {}", "eu acme/2026-11/0 {}", "eu known {}"]);
});

test.each([
  { JURISDICTION: "mars" },
  { LOCATION_HINTS: "acme=moon" },
  { LOCATION_HINTS: "acme" },
  { LOCATION_HINTS: "acme=weur=enam" },
])("%j → the deployment is misconfigured, and the error names the variable", (variables) => {
  expect(() => settings(deployment(variables).env)).toThrow(Object.keys(variables)[0]);
});
