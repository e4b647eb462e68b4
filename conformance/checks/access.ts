/** Contract 1: who is let in, and what a key may do. */

import { equal, matches } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import { problemOf } from "../client.ts";
import type { Deployment } from "../deployment.ts";

type Route = { method: string; path: string };

/** Every operation of the document that needs a key, with ids that name nothing. */
function routesWithKey({ document }: Deployment): Route[] {
  return Object.entries(document.paths).flatMap(([template, item]) =>
    Object.entries(item)
      .filter(([, operation]) => operation.security?.length !== 0)
      .map(([verb]) => ({ method: verb.toUpperCase(), path: template.replace(/\{\w+\}/g, "absent") })),
  );
}

async function keyNeeded(deployment: Deployment): Promise<void> {
  for (const { method, path } of routesWithKey(deployment)) {
    const answer = await deployment.anyone.call(method, path);
    problemOf(answer, 401, "unauthenticated");
    matches(answer.headers.get("WWW-Authenticate"), /^Bearer\b/, `WWW-Authenticate of ${method} ${path}`);
  }
}

async function healthIsOpen({ anyone }: Deployment): Promise<void> {
  equal((await anyone.call("GET", "/v1/health")).status, 200, "the status");
}

async function wrongKeys({ anyone, mine }: Deployment): Promise<void> {
  const key = String(mine.key);
  const last = key.at(-1) === "0" ? "1" : "0";
  const wrong = [
    "Bearer",
    "Bearer ",
    "Bearer x",
    `Basic ${btoa(`${key}:`)}`,
    `Bearer ${key.slice(0, -1)}${last}`,
    key,
  ];
  for (const Authorization of wrong) {
    const answer = await anyone.call("GET", "/v1/job-types", { headers: { Authorization } });
    problemOf(answer, 401, "unauthenticated");
  }
}

async function schemeCase({ anyone, mine }: Deployment): Promise<void> {
  for (const scheme of ["bearer", "BEARER"]) {
    const headers = { Authorization: `${scheme} ${mine.key}` };
    equal((await anyone.call("GET", "/v1/job-types", { headers })).status, 200, `the status for ${scheme}`);
  }
}

async function keyInUrl({ anyone, mine }: Deployment): Promise<void> {
  for (const name of ["access_token", "api_key", "key", "token", "authorization"]) {
    const answer = await anyone.call("GET", `/v1/job-types?${name}=${encodeURIComponent(String(mine.key))}`);
    problemOf(answer, 401, "unauthenticated");
  }
}

async function readKeyReads({ reader, mine }: Deployment): Promise<void> {
  const { id } = await mine.park();
  for (const path of [
    "/v1/job-types",
    `/v1/jobs/${id}`,
    `/v1/jobs/${id}/events`,
    `/v1/jobs/${id}/deliveries`,
  ]) {
    equal((await reader.call("GET", path)).status, 200, `the status of ${path}`);
  }
}

async function readKeyWritesNothing(deployment: Deployment): Promise<void> {
  const writing = routesWithKey(deployment).filter(({ method }) => method !== "GET");
  for (const { method, path } of [...writing, { method: "GET", path: "/v1/webhook-secret" }]) {
    problemOf(await deployment.reader.call(method, path), 403, "forbidden");
  }
}

export const accessChecks: readonly Check[] = [
  check("contract 1", "every /v1 route but health needs a key: 401 with WWW-Authenticate", keyNeeded),
  check("contract 1", "health needs no key", healthIsOpen),
  check("contract 1", "a wrong, malformed or differently sent key is 401", wrongKeys),
  check("RFC 9110 11.1", "the scheme Bearer has no letter case", schemeCase),
  check("contract 1", "a key in a URL is not accepted", keyInUrl),
  check("contract 1", "a key with jobs:read may read", readKeyReads),
  check("contract 1", "a key without jobs:write gets 403 on everything that writes", readKeyWritesNothing),
];
