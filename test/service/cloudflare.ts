/** As much of Cloudflare's API as `npm run deploy` calls: an account that begins empty and remembers what was made. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

const ACCOUNT = "account";
const WORKER = "accepted";

type Request = { method: string; path: string; query: URLSearchParams; body: Buffer };
type Answer = { status?: number; result: unknown; code?: number };
type Uploaded = Record<string, unknown> & { bindings: { name: string; type: string }[] };

/** What the account has. */
export type Account = {
  queues: string[];
  consumers: { queue: string; settings: Record<string, unknown> }[];
  buckets: string[];
  /** The lifecycle rules of the bucket. */
  rules: unknown[];
  /** The metadata of each uploaded version of the Worker. */
  versions: Uploaded[];
  /** The secrets of the Worker. */
  secrets: Record<string, string>;
  /** Requests that this stub does not know. */
  unknown: string[];
};

/** Starts the stub. `env` makes wrangler call it. */
export async function startCloudflare() {
  const account: Account = {
    queues: [],
    consumers: [],
    buckets: [],
    rules: [],
    versions: [],
    secrets: {},
    unknown: [],
  };
  const server = createServer((request, response) => void serve(account, request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const env = {
    CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${port}`,
    CLOUDFLARE_API_TOKEN: "token",
    CLOUDFLARE_ACCOUNT_ID: ACCOUNT,
  };
  return { account, env, stop: () => stop(server) };
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
}

async function serve(account: Account, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://stub");
  const path = url.pathname.replace(`/accounts/${ACCOUNT}`, "");
  const asked = {
    method: request.method ?? "GET",
    path,
    query: url.searchParams,
    body: await buffer(request),
  };
  const answer =
    answerQueues(account, asked) ?? answerBuckets(account, asked) ?? answerWorker(account, asked);
  if (!answer) account.unknown.push(`${asked.method} ${path}`);
  const { status = 200, result, code } = answer ?? { result: [] };
  const errors = code === undefined ? [] : [{ code, message: "There is no such thing." }];
  const count = Array.isArray(result) ? result.length : 0;
  const result_info = { page: 1, per_page: 100, count, total_count: count, total_pages: 1 };
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify({ success: errors.length === 0, errors, messages: [], result, result_info }));
}

const parse = ({ body }: Request) => JSON.parse(body.toString()) as Record<string, string>;

function queueView(consumers: Account["consumers"], name: string) {
  const own = consumers.filter(({ queue }) => queue === name);
  return {
    queue_id: `id-${name}`,
    queue_name: name,
    producers: [],
    consumers: own.map(() => ({ type: "worker", script: WORKER, consumer_id: name })),
  };
}

function answerQueues({ queues, consumers }: Account, request: Request): Answer | null {
  const { method, path, query } = request;
  if (path === "/queues" && method === "POST") {
    const { queue_name = "" } = parse(request);
    queues.push(queue_name);
    return { result: queueView(consumers, queue_name) };
  }
  if (path === "/queues") {
    const wanted = query.getAll("name");
    const found = queues.filter((name) => wanted.length === 0 || wanted.includes(name));
    return { result: found.map((name) => queueView(consumers, name)) };
  }
  const [, queue] = /^\/queues\/id-([^/]+)\/consumers/.exec(path) ?? [];
  if (queue === undefined) return null;
  const own = consumers.filter((consumer) => consumer.queue === queue);
  if (method === "GET")
    return { result: own.map(({ settings }) => ({ ...settings, script: WORKER, consumer_id: queue })) };
  if (method === "POST") consumers.push({ queue, settings: parse(request) });
  return { result: {} };
}

function answerBuckets(account: Account, request: Request): Answer | null {
  const { method, path } = request;
  if (path === "/r2/buckets" && method === "POST") {
    account.buckets.push(parse(request).name ?? "");
    return { result: parse(request) };
  }
  if (path === "/r2/buckets") return { result: { buckets: account.buckets.map((name) => ({ name })) } };
  if (path.endsWith("/lifecycle")) {
    if (method === "PUT") account.rules = (JSON.parse(request.body.toString()) as { rules: unknown[] }).rules;
    return { result: { rules: account.rules } };
  }
  const [, name = ""] = /^\/r2\/buckets\/([^/]+)$/.exec(path) ?? [];
  if (name === "") return null;
  return account.buckets.includes(name) ? { result: { name } } : { status: 404, result: null, code: 10006 };
}

/** The metadata of an upload, which is the first part of a form. */
function metadataOf({ body }: Request): Uploaded {
  const [, text = "{}"] = /name="metadata"[^\r]*\r\n\r\n([\s\S]*?)\r\n--/.exec(body.toString("latin1")) ?? [];
  return JSON.parse(text) as Uploaded;
}

function answerWorker(account: Account, request: Request): Answer | null {
  const { method, path } = request;
  const script = `/workers/scripts/${WORKER}`;
  const bindings = account.versions.at(-1)?.bindings;
  if (path === `/workers/services/${WORKER}`)
    return bindings
      ? { result: { default_environment: { environment: "production", script: { tags: [] } } } }
      : { status: 404, result: null, code: 10090 };
  if ((path === script && method === "PUT") || (path === `${script}/versions` && method === "POST")) {
    account.versions.push(metadataOf(request));
    return { result: { id: crypto.randomUUID(), startup_time_ms: 42, metadata: {}, resources: {} } };
  }
  if (path === `${script}/settings`)
    return bindings ? { result: { bindings } } : { status: 404, result: null, code: 10007 };
  if (path === `${script}/assets-upload-session`) return { result: { jwt: "a.b.c", buckets: [] } };
  if (path === `${script}/secrets`)
    return { result: Object.keys(account.secrets).map((name) => ({ name, type: "secret_text" })) };
  if (path === `${script}/secrets-bulk` && method === "PATCH") {
    const { secrets } = JSON.parse(request.body.toString()) as {
      secrets: Record<string, { text: string }>;
    };
    for (const [name, { text }] of Object.entries(secrets)) account.secrets[name] = text;
    return { result: {} };
  }
  if (path === `${script}/deployments`)
    return { result: { id: crypto.randomUUID(), deployments: [{ source: "wrangler", versions: [] }] } };
  if (path === `${script}/subdomain`) return { result: { enabled: true, previews_enabled: false } };
  if (path === "/workers/subdomain") return { result: { subdomain: "example" } };
  if (path === `/workers/workers/${WORKER}`)
    return {
      result: { id: "w", name: WORKER, tags: [], subdomain: { enabled: true, previews_enabled: false } },
    };
  return null;
}
