/** Contract 11 to 13: whose a key is, what the tenant uses, and what a browser token allows. */

import { setTimeout as pause } from "node:timers/promises";
import { claim, equal, matches, Skipped } from "../assertions.ts";
import { type Check, check, longCheck } from "../check.ts";
import { type Client, dataOf, problemOf } from "../client.ts";
import type { Deployment } from "../deployment.ts";
import { TIME } from "../shapes.ts";

type Me = { tenant: string | null; key: { id: string }; scopes: string[] };
type Token = { token: string; allow: string[]; expires_at: string; links: { events: string } };
type Key = { id: string; key: string };

const QUOTAS = [
  ...["unfinished_jobs", "stored_jobs", "stored_bytes", "datasets"],
  ...["open_uploads", "keys", "job_types", "queues"],
];

/** Revoking takes effect within five seconds; the clocks of both sides may differ by a little. */
const REVOKED_MS = 5_500;

const meOf = async (client: Client) => dataOf<Me>(await client.call("GET", "/v1/me"), 200);
const bearing = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

async function whoseKey({ mine, reader, theirs }: Deployment): Promise<void> {
  const [own, reading, other] = await Promise.all([meOf(mine), meOf(reader), meOf(theirs)]);
  equal(own.tenant, reading.tenant, "the tenant of its other key");
  claim(own.tenant !== other.tenant, "two tenants' keys name the same tenant");
  claim(own.scopes.includes("jobs:write"), "the full key has not the scope jobs:write");
  equal(reading.scopes, ["jobs:read"], "the scopes of the reading key");
  matches(own.key.id, /^key_\w+$/, "the id of the key");
}

async function usage({ reader }: Deployment): Promise<void> {
  const used = dataOf<Record<string, { used: number; allowed: number }>>(
    await reader.call("GET", "/v1/usage"),
    200,
  );
  for (const name of QUOTAS) {
    const quota = used[name];
    const isCounted = Number.isInteger(quota?.used) && Number.isInteger(quota?.allowed);
    claim(isCounted, `${name} is ${JSON.stringify(quota)}`);
  }
}

async function jobToken(client: Client, id: string, allow: string[], fields = {}): Promise<Token> {
  return dataOf<Token>(
    await client.call("POST", `/v1/jobs/${id}/tokens`, { json: { allow, ...fields } }),
    201,
  );
}

async function tokenAllows({ mine, anyone }: Deployment): Promise<void> {
  const [{ id }, other] = await Promise.all([mine.park(), mine.park()]);
  const { token, expires_at } = await jobToken(mine, id, ["read", "cancel"]);
  matches(expires_at, TIME, "expires_at");
  const ask = (method: string, path: string) => anyone.call(method, path, bearing(token));
  equal((await ask("GET", `/v1/jobs/${id}`)).status, 200, "the status of reading");
  problemOf(await ask("GET", `/v1/jobs/${id}/events`), 403, "forbidden");
  problemOf(await ask("GET", "/v1/jobs"), 403, "forbidden");
  problemOf(await ask("DELETE", `/v1/jobs/${id}`), 403, "forbidden");
  problemOf(await ask("GET", `/v1/jobs/${other.id}`), 404, "not_found");
  equal((await ask("POST", `/v1/jobs/${id}/cancel`)).status, 200, "the status of cancelling");
}

async function tokenInUrl({ mine, anyone }: Deployment): Promise<void> {
  const { id } = await mine.park();
  const { token, links } = await jobToken(mine, id, ["read", "events"]);
  const answer = await anyone.call("GET", links.events);
  equal(
    [answer.status, answer.headers.get("Referrer-Policy")],
    [200, "no-referrer"],
    "the answer to links.events",
  );
  problemOf(await anyone.call("GET", `/v1/jobs/${id}?access_token=${token}`), 401, "unauthenticated");
  const withKey = `/v1/jobs/${id}/events?access_token=${mine.key}`;
  equal((await anyone.call("GET", withKey)).status, 401, "the status with a key in the URL");
}

async function forged({ mine, anyone }: Deployment): Promise<void> {
  const { id } = await mine.park();
  const { token } = await jobToken(mine, id, ["read"]);
  const at = 20;
  const flipped = token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
  problemOf(await anyone.call("GET", `/v1/jobs/${id}`, bearing(flipped)), 401, "unauthenticated");
  const short = await jobToken(mine, id, ["read"], { expires_in_ms: 1 });
  await pause(2_000);
  problemOf(await anyone.call("GET", `/v1/jobs/${id}`, bearing(short.token)), 401, "token_expired");
}

async function oneUpload({ mine, anyone }: Deployment): Promise<void> {
  const json = { max_size: 10, content_types: ["text/csv"] };
  const { token } = dataOf<Token>(await mine.call("POST", "/v1/upload-tokens", { json }), 201);
  const send = (body: string, type = "text/csv") =>
    anyone.call("POST", "/v1/files", {
      body,
      headers: { Authorization: `Bearer ${token}`, "Content-Type": type },
    });
  problemOf(await send("12345678901"), 413, "payload_too_large");
  problemOf(await send("1", "text/plain"), 403, "forbidden");
  const stored = await send("a,b\n1,2\n");
  equal(stored.status, 201, "the status of the upload");
  problemOf(await send("a,b\n1,2\n"), 401, "token_expired");
  const path = stored.headers.get("Location") ?? "";
  equal((await mine.call("DELETE", path)).status, 204, "the status of deleting it");
}

async function revoking({ mine, anyone }: Deployment): Promise<void> {
  if (!(await meOf(mine)).scopes.includes("keys:write")) throw new Skipped("the key may not make keys");
  const json = { name: "conformance", scopes: ["jobs:read"] };
  const { id, key } = dataOf<Key>(await mine.call("POST", "/v1/keys", { json }), 201);
  equal((await anyone.call("GET", "/v1/me", bearing(key))).status, 200, "the status of a new key");
  claim(!(await mine.call("GET", "/v1/keys")).text.includes(key), "the list shows the key");
  equal((await mine.call("DELETE", `/v1/keys/${id}`)).status, 204, "the status of revoking it");
  await pause(REVOKED_MS);
  problemOf(await anyone.call("GET", "/v1/me", bearing(key)), 401, "unauthenticated");
}

export const tokenChecks: Check[] = [
  check("contract 11", "a key says whose it is and what it allows", whoseKey),
  longCheck("contract 11", "a new key is valid, and refused five seconds after it was revoked", revoking),
  check("contract 12", "the usage names every quota", usage),
  check("contract 13", "a job token allows what it names, on its job alone", tokenAllows),
  check("contract 13", "a job token may stand in the URL of events, and nowhere else", tokenInUrl),
  check("contract 13", "a changed token is 401, one past its time token_expired", forged),
  check("contract 13", "an upload token allows one upload of its size and types", oneUpload),
];
