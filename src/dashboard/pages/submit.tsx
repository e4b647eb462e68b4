/** Submitting a job: a JSON text that starts as the type's example, a file input, and the API's own validation. */

import { type Context, Hono } from "hono";
import { uuid } from "../../lib/runtime.ts";
import { ApiError, orApiError, submittedNotice, type TypeView } from "../api.ts";
import { jobPagePath } from "../components/parts.tsx";
import { show } from "../components/shell.tsx";
import type { DashboardEnv } from "../context.ts";
import { submitCommand } from "../form/curl.ts";
import { exampleBody, syntaxErrorAt, withFileId } from "../form/draft.ts";
import { type FormFile, readFileForm } from "../form/multipart.ts";
import { formatBytes } from "../labels.ts";
import { redirectWith } from "../notice.ts";
import { type Draft, SubmitPage, TypesPage } from "./submit-page.tsx";

/** `GET /submit`, `GET` and `POST /submit/{type}`. */
export function submitRoutes() {
  const routes = new Hono<DashboardEnv>();

  routes.get("/submit", async (c) => {
    const children = <TypesPage types={await c.get("api").types()} />;
    return show(c, { title: "Submit a job", section: "Submit a job", children });
  });

  routes.get("/submit/:type", async (c) => {
    const type = await c.get("api").type(c.req.param("type"));
    return submitPage(c, type, {
      body: exampleBody(type),
      idempotencyKey: newKey(),
      stored: null,
      errors: [],
    });
  });

  routes.post("/submit/:type", async (c) => {
    const type = await c.get("api").type(c.req.param("type"));
    const { draft, action } = await readDraft(c, type);
    const isOnlyUpload = action === "upload" || draft.errors.length > 0;
    return isOnlyUpload ? submitPage(c, type, draft) : submitDraft(c, type, draft);
  });

  return routes;
}

/** The idempotency key of one form: sending the form twice makes one job. */
function newKey(): string {
  return `dashboard-${uuid()}`;
}

/** Reads the form. A chosen file is stored while it arrives, and its id is put into the body. */
async function readDraft(c: Context<DashboardEnv>, type: TypeView) {
  const api = c.get("api");
  const errors: Draft["errors"] = [];
  let stored: { id: string; words: string } | null = null;
  const onFile = async ({ name, contentType, body }: FormFile) => {
    const file = await orApiError(api.upload(body, contentType));
    if (file instanceof ApiError)
      errors.push({ pointer: name, detail: `${file.problem.title} ${file.problem.detail}` });
    else stored = { id: file.id, words: `${name}, ${formatBytes(file.size)}, is stored as ${file.id}.` };
  };
  const fields = await readFileForm(c.req.raw, onFile);
  const { id, words } = stored ?? { id: null, words: null };
  const typed = fields.get("body") ?? "";
  const draft: Draft = {
    body: (id !== null && withFileId(typed, type, id)) || typed,
    idempotencyKey: fields.get("idempotency_key") || newKey(),
    stored: words,
    errors,
  };
  return { draft, action: fields.get("do") ?? "submit" };
}

async function submitDraft(c: Context<DashboardEnv>, type: TypeView, draft: Draft): Promise<Response> {
  try {
    const submitted = await c.get("api").submit(draft.body, draft.idempotencyKey);
    return redirectWith(c, jobPagePath(submitted.data.id), submittedNotice(submitted, "submitted"));
  } catch (error) {
    if (!(error instanceof ApiError) || error.problem.status === 401) throw error;
    return submitPage(c, type, { ...draft, errors: toErrors(draft.body, error) }, error);
  }
}

/** The API's field errors; for malformed JSON, where it is malformed. */
function toErrors(body: string, { problem }: ApiError): Draft["errors"] {
  const at = problem.code === "malformed_request" ? syntaxErrorAt(body) : null;
  return at === null ? (problem.errors ?? []) : [{ pointer: at, detail: "This is not JSON." }];
}

function submitPage(c: Context<DashboardEnv>, type: TypeView, draft: Draft, error: ApiError | null = null) {
  const isBad = draft.errors.length > 0 || error !== null;
  const children = (
    <SubmitPage
      type={type}
      draft={draft}
      command={submitCommand(new URL(c.req.url).origin, draft.body, draft.idempotencyKey)}
      error={error}
      mayWrite={c.get("session").mayWrite}
    />
  );
  const title = `${isBad ? "Error: " : ""}Submit ${type.type}`;
  return show(c, { title, section: "Submit a job", children }, isBad ? 422 : 200);
}
