/** Submitting a job by a form: the form, what its buttons do, and the request it makes of the API. */

import { type Context, Hono } from "hono";
import { uuid } from "../lib/runtime.ts";
import { type ApiClient, ApiError, orApiError, type TypeView } from "./api.ts";
import type { DashboardEnv } from "./context.ts";
import { submitCommand, uploadCommand } from "./form/curl.ts";
import { type FilePart, readMultipart } from "./form/multipart.ts";
import {
  initialState,
  KEY_POINTER,
  placed,
  placesOf,
  plainPointer,
  requestOf,
  withFilesToCome,
} from "./form/request.ts";
import { type Fault, type State, withItem, withoutItem } from "./form/state.ts";
import { jobPagePath } from "./parts.tsx";
import { show } from "./shell.tsx";
import { SubmitPage, TypesPage } from "./submit-page.tsx";
import { formatBytes } from "./words.ts";

/** Names in the form that are no pointers. */
const DO = "do";
const FILE = "#file";
const FILENAME = "#filename";

/** What was sent: the form's texts, which button, what files became, and the names of those not sent along. */
type Sent = {
  state: State;
  action: string;
  stored: Map<string, string>;
  filenames: string[];
  faults: Fault[];
};

/** `GET /submit`, `GET` and `POST /submit/{type}`. */
export function submitRoutes() {
  const routes = new Hono<DashboardEnv>();

  routes.get("/submit", async (c) => {
    const children = <TypesPage types={await c.get("api").types()} />;
    return show(c, { title: "Submit a job", place: "Submit a job", children });
  });

  routes.get("/submit/:type", async (c) => {
    const type = await c.get("api").type(c.req.param("type"));
    const state = initialState(type, `dashboard-${uuid()}`);
    return form(c, type, { state, action: "begin", stored: new Map(), filenames: [], faults: [] });
  });

  routes.post("/submit/:type", async (c) => {
    const type = await c.get("api").type(c.req.param("type"));
    const sent = await readSent(c.req.raw, c.get("api"));
    return sent.action === "submit" ? submit(c, type, sent) : form(c, type, reshaped(sent));
  });

  return routes;
}

/** Reads the form; a chosen file is stored while it arrives, and its id takes its place. What the API refuses is a fault. */
async function readSent(request: Request, api: ApiClient): Promise<Sent> {
  const state = new Map<string, readonly string[]>();
  const sent: Sent = { state, action: "submit", stored: new Map(), filenames: [], faults: [] };
  const onText = (name: string, text: string) => {
    if (name === DO) sent.action = text;
    else if (name.endsWith(FILENAME)) sent.filenames.push(text);
    else if (!sent.stored.has(name)) state.set(name, [...(state.get(name) ?? []), text]);
  };
  const onFile = async (part: FilePart) => {
    const pointer = part.name.slice(0, -FILE.length);
    const file = await orApiError(api.upload(streamOf(part.body), part.contentType));
    if (file instanceof ApiError) {
      sent.faults.push({ pointer, detail: `${part.filename}: ${file.problem.title} ${file.problem.detail}` });
      return passOver(part.body);
    }
    state.set(pointer, [file.id]);
    sent.stored.set(pointer, `${part.filename}, ${formatBytes(file.size)}, is stored under this id.`);
  };
  await readMultipart(request, onText, onFile);
  return sent;
}

/** Reads what is left, for the rest of the form comes after it. */
async function passOver(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of chunks);
}

function streamOf(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}

/** What the form is after a button other than the one that submits. */
function reshaped(sent: Sent): Sent {
  const [, what, pointer = "", index] = /^(add|remove) (\S+)(?: (\d+))?$/.exec(sent.action) ?? [];
  if (what === "add") return { ...sent, state: withItem(sent.state, pointer) };
  if (what === "remove") return { ...sent, state: withoutItem(sent.state, pointer, Number(index)) };
  return sent;
}

async function submit(c: Context<DashboardEnv>, type: TypeView, sent: Sent): Promise<Response> {
  const { body, idempotencyKey, faults: misread } = requestOf(type, sent.state);
  const isNew = ({ pointer }: Fault) => !sent.faults.some((known) => known.pointer === pointer);
  const faults = [...sent.faults, ...misread.filter(isNew)];
  if (faults.length > 0) return form(c, type, { ...sent, faults });
  try {
    const job = await c.get("api").submit(body, idempotencyKey);
    return c.redirect(`${jobPagePath(job.id)}?notice=submitted`, 303);
  } catch (error) {
    if (!(error instanceof ApiError) || error.problem.status === 401) throw error;
    return form(c, type, { ...sent, faults: faultsOf(error) }, error);
  }
}

/** What the API finds wrong, at the pointers of the form. */
function faultsOf({ problem }: ApiError): Fault[] {
  const isAboutKey = problem.code === "idempotency_key_reused" || problem.code === "invalid_idempotency_key";
  if (isAboutKey) return [{ pointer: KEY_POINTER, detail: problem.detail }];
  return (problem.errors ?? []).map(({ pointer, detail }) => ({ pointer: plainPointer(pointer), detail }));
}

function form(c: Context<DashboardEnv>, type: TypeView, sent: Sent, refusal: ApiError | null = null) {
  const { origin } = new URL(c.req.url);
  const { body, idempotencyKey } = requestOf(type, withFilesToCome(type, sent.state));
  const commands = [
    ...sent.filenames.map((name) => uploadCommand(origin, name)),
    submitCommand(origin, body, idempotencyKey),
  ];
  const faults = placed(sent.faults, placesOf(type, sent.state));
  const isBad = faults.length > 0 || refusal !== null;
  const children = (
    <SubmitPage
      type={type}
      filled={{ state: sent.state, faults: byPointer(faults), stored: sent.stored }}
      commands={commands}
      refusal={faults.length > 0 ? null : refusal}
      mayWrite={c.get("session").mayWrite}
    />
  );
  const title = `${isBad ? "Error: " : ""}Submit ${type.type}`;
  return show(c, { title, place: "Submit a job", children }, isBad ? 422 : 200);
}

function byPointer(faults: Fault[]): Map<string, string[]> {
  const groups = Map.groupBy(faults, ({ pointer }) => pointer);
  return new Map([...groups].map(([pointer, group]) => [pointer, group.map(({ detail }) => detail)]));
}
