/**
 * The deployment under judgement: its clients, its own OpenAPI document, and what it allows. Opening it asks it a few
 * questions; closing it removes what the checks made, as far as the API lets a client do so.
 */

import { type Client, type Ledger, openClient } from "./client.ts";
import type { Document } from "./document.ts";
import { type Receiver, startReceiver } from "./receiver.ts";

export type TenantKeys = { full: string; read: string };

/** As `npm run -s dev-keys` prints them: two tenants, each with a key that may write and one that may not. */
export type Keys = { admin?: string } & { [tenant: string]: TenantKeys | string };

export type Deployment = {
  url: string;
  /** A tenant whose jobs the checks make, with its full key. */
  mine: Client;
  /** The same tenant's key that may only read. */
  reader: Client;
  /** Another tenant, with its full key. */
  theirs: Client;
  /** A client without a key. */
  anyone: Client;
  document: Document;
  ledger: Ledger;
  /** Where the deployment's webhooks and requests can be received; or why they cannot be. */
  receiver: Receiver | { unreachable: string };
  /** Marks what this run made: part of its datasets' names and its jobs' metadata. */
  run: string;
};

const CLEANERS = 8;

/** Opening and cleaning wait no longer for one answer. */
const ANSWER_MS = 20_000;

/** Opens the deployment. Rejects if it does not answer, or if the keys are not two tenants'. */
export async function openDeployment(url: string, keys: Keys): Promise<Deployment> {
  const { admin: _, ...tenants } = keys;
  const [first, second] = Object.values(tenants).filter((one) => typeof one !== "string");
  if (!first?.full || !first.read || !second?.full) {
    throw new Error(
      'Two tenants are needed: {"one": {"full": "…", "read": "…"}, "other": {"full": "…", …}}.',
    );
  }
  const base = url.replace(/\/+$/, "");
  const ledger: Ledger = { exchanges: [], made: [] };
  const mine = openClient(base, first.full, ledger);
  const answer = await fetch(`${base}/openapi.json`, { signal: AbortSignal.timeout(ANSWER_MS) }).catch(
    (cause) => {
      throw new Error(`${base} does not answer.`, { cause });
    },
  );
  if (!answer.ok) throw new Error(`${base}/openapi.json answered ${answer.status}.`);
  return {
    url: base,
    mine,
    reader: openClient(base, first.read, ledger),
    theirs: openClient(base, second.full, ledger),
    anyone: openClient(base, null, ledger),
    document: (await answer.json()) as Document,
    ledger,
    receiver: await openReceiver(mine),
    run: crypto.randomUUID().slice(0, 8),
  };
}

/** A receiver on this machine, if the deployment calls `http://localhost` at all. Rejects if nothing can be submitted. */
async function openReceiver(client: Client): Promise<Deployment["receiver"]> {
  const receiver = await startReceiver();
  const webhook = { url: receiver.urlOf("probe") };
  const json = { type: "test.simulate", input: {}, webhook };
  const answer = await client.call("POST", "/v1/jobs", { json });
  if (answer.status === 202) return receiver;
  receiver.stop();
  if (answer.status !== 422)
    throw new Error(`A first submission is answered ${answer.status}: ${answer.text}`);
  return { unreachable: "the deployment does not call http://localhost, where this suite could listen" };
}

/** Removes what was made; answers the paths of what could not be removed. */
export async function closeDeployment({ ledger, receiver, url }: Deployment): Promise<string[]> {
  if ("stop" in receiver) receiver.stop();
  const waiting = [
    ...new Map(ledger.made.map((made) => [`${made.kind}/${made.id}/${made.key}`, made])).values(),
  ];
  const left: string[] = [];
  const clean = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const { kind, id, key } = next;
      const headers = { Authorization: `Bearer ${key}` };
      const path = `${url}/v1/${kind}/${id}`;
      const ask = (method: string, rest = "") =>
        fetch(path + rest, { method, headers, signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => null);
      let removed = await ask("DELETE");
      if (removed?.status === 409) {
        await ask("POST", "/cancel");
        removed = await ask("DELETE");
      }
      if (removed?.status !== 204 && removed?.status !== 404) left.push(path);
    }
  };
  await Promise.all(Array.from({ length: CLEANERS }, clean));
  return left;
}
