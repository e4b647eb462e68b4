/** The tenant's keys and what it uses. A new key is shown once, on the page that answers the form. */

import { type Context, Hono } from "hono";
import type { Child } from "hono/jsx";
import { now } from "../../lib/runtime.ts";
import { ApiError, type CreatedKeyView, type KeyView, type UsageView } from "../api.ts";
import { Code, Table, Time } from "../components/parts.tsx";
import { show } from "../components/shell.tsx";
import type { DashboardEnv } from "../context.ts";
import { readSimpleForm } from "../form/simple.ts";
import { formatBytes } from "../labels.ts";
import { redirectWith } from "../notice.ts";
import { ROOT } from "../session.ts";

const SECTION = "Keys and usage";
const KEYS_PATH = `${ROOT}/keys`;

/** What the form offers: those that exist so far in the API, with what they allow. */
const offeredScopes = [
  ["jobs:read", "read everything"],
  ["jobs:write", "submit, cancel, replay and delete jobs"],
  ["files:write", "upload and delete files"],
  ["keys:write", "manage keys and the webhook secret"],
] as const;

/** `GET /keys`, `POST /keys`, and `POST /keys/{id}/rotate` and `…/revoke`. */
export function keyPageRoutes() {
  const routes = new Hono<DashboardEnv>();

  routes.get("/keys", (c) => showKeys(c, null));

  routes.post("/keys", async (c) => {
    const form = await readSimpleForm(c.req.raw);
    const request = { name: form.get("name")?.trim() ?? "", scopes: form.getAll("scope") };
    try {
      return await showKeys(c, <CreatedKey made={await c.get("api").createKey(request)} />);
    } catch (error) {
      const isInput = error instanceof ApiError && [403, 422, 429].includes(error.problem.status);
      if (!isInput) throw error;
      return showKeys(c, <Rejected error={error} />, 422);
    }
  });

  routes.post("/keys/:id/rotate", async (c) => {
    await readSimpleForm(c.req.raw);
    const made = await c.get("api").rotateKey(c.req.param("id"));
    return showKeys(c, <CreatedKey made={made} />);
  });

  routes.post("/keys/:id/revoke", async (c) => {
    await readSimpleForm(c.req.raw);
    const isRevoked = await c.get("api").revokeKey(c.req.param("id"));
    return redirectWith(c, KEYS_PATH, isRevoked ? "key_revoked" : "key_revoked_before");
  });

  return routes;
}

async function showKeys(
  c: Context<DashboardEnv>,
  outcome: Child | null,
  status: 200 | 422 = 200,
): Promise<Response> {
  const api = c.get("api");
  const { mayManageKeys, keyId } = c.get("session");
  const [usage, keys] = await Promise.all([api.usage(), mayManageKeys ? api.keys() : null]);
  const children = (
    <>
      <h1>{SECTION}</h1>
      {outcome}
      <h2>Keys</h2>
      {keys ? <Keys keys={keys} ownId={keyId} /> : <p>This key may not manage keys (scope keys:write).</p>}
      {keys && <CreateForm />}
      <h2>Usage</h2>
      <Usage usage={usage} />
    </>
  );
  return show(c, { title: SECTION, section: SECTION, children }, status);
}

function CreatedKey({ made: { id, key } }: { made: CreatedKeyView }) {
  return (
    <div class="notice" data-kind="good" role="status">
      <p>
        The key <code>{id}</code>, shown this once. Give it to its user and keep no copy.
      </p>
      <Code id="new-key" label="The new key" text={key} />
    </div>
  );
}

function Rejected({ error: { problem } }: { error: ApiError }) {
  return (
    <div class="notice" data-kind="bad" role="alert">
      <p>
        {problem.title} {problem.detail}
      </p>
      {(problem.errors ?? []).map(({ pointer, detail }) => (
        <p>
          <code>{pointer}</code>: {detail}
        </p>
      ))}
    </div>
  );
}

function Keys({ keys, ownId }: { keys: KeyView[]; ownId: string }) {
  return (
    <Table id="keys" caption="Keys" head={["Name", "Id", "Scopes", "Expires", "Last used", "Actions"]}>
      {keys.map(({ id, name, scopes, expires_at, last_used_on }) => (
        <tr>
          <th scope="row">
            <bdi>{name}</bdi>
            {id === ownId && <span class="soft"> (yours)</span>}
          </th>
          <td>
            <code>{id}</code>
          </td>
          <td class="says">{scopes.join(", ")}</td>
          <td>{expires_at === null ? "never" : <Time at={expires_at} now={now()} />}</td>
          <td>{last_used_on ?? "never"}</td>
          <td>
            <div class="row">
              <Act id={id} verb="rotate" label="Rotate" name={name} />
              <Act id={id} verb="revoke" label="Revoke" name={name} />
            </div>
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Act({ id, verb, label, name }: { id: string; verb: string; label: string; name: string }) {
  return (
    <form method="post" action={`${KEYS_PATH}/${id}/${verb}`}>
      <button type="submit" id={`${verb}-${id}`} class={verb === "revoke" ? "button danger" : "button"}>
        {label}
        <span class="visually-hidden"> {name}</span>
      </button>
    </form>
  );
}

function CreateForm() {
  return (
    <form method="post" action={KEYS_PATH} class="card">
      <h3>Make a key</h3>
      <div class="field">
        <label for="name">Name</label>
        <input id="name" name="name" required maxlength={100} aria-describedby="name-hint" />
        <p id="name-hint" class="hint">
          Who or what will use it.
        </p>
      </div>
      <fieldset class="stack">
        <legend>Scopes</legend>
        {offeredScopes.map(([scope, what]) => (
          <label>
            <input type="checkbox" name="scope" value={scope} checked={scope === "jobs:read"} />{" "}
            <code>{scope}</code> <span class="soft">{what}</span>
          </label>
        ))}
      </fieldset>
      <button type="submit" id="create-key" class="button primary">
        Make the key
      </button>
    </form>
  );
}

function Usage({ usage }: { usage: UsageView }) {
  return (
    <Table id="usage" caption="Usage" head={["Quota", "Used", "Allowed", "Share"]}>
      {Object.entries(usage).map(([name, { used, allowed }]) => (
        <tr>
          <th scope="row">{name.replaceAll("_", " ")}</th>
          <td>{quotaAmount(name, used)}</td>
          <td>{quotaAmount(name, allowed)}</td>
          <td>
            <meter aria-label={`${name.replaceAll("_", " ")} used`} min={0} max={allowed} value={used} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** How much of a quota: bytes as such, all else as a count. */
function quotaAmount(quota: string, value: number): string {
  return quota.endsWith("_bytes") ? formatBytes(value) : value.toLocaleString("en");
}
