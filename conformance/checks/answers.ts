/**
 * What must hold of every answer whatever: judged last, over all answers that the other checks have seen, so that a
 * fault that is everywhere is told once and by its name.
 */

import { claim, shown } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import type { Exchange } from "../client.ts";
import type { Deployment } from "../deployment.ts";
import { openDocument } from "../document.ts";
import { type Problem, TIME } from "../shapes.ts";

const EXPOSED = [
  ...["Accept-Ranges", "Allow", "Content-Location", "Content-Range", "ETag", "Idempotent-Replayed", "Link"],
  ...["Location", "Preference-Applied", "Request-Id", "Retry-After", "WWW-Authenticate"],
];

/** Contract 1, "Problems": each code and its status. */
export const STATUS_OF_CODE: Record<string, number> = {
  malformed_request: 400,
  invalid_idempotency_key: 400,
  invalid_cursor: 400,
  unauthenticated: 401,
  token_expired: 401,
  forbidden: 403,
  tenant_disabled: 403,
  not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  job_not_cancellable: 409,
  job_not_finished: 409,
  job_without_result: 409,
  duplicate_job: 409,
  attempt_over: 409,
  upload_incomplete: 409,
  built_in: 409,
  length_required: 411,
  precondition_failed: 412,
  payload_too_large: 413,
  unsupported_media_type: 415,
  range_not_satisfiable: 416,
  invalid_request: 422,
  unknown_job_type: 422,
  idempotency_key_reused: 422,
  rate_limited: 429,
  quota_exceeded: 429,
  backlog_full: 429,
  internal_error: 500,
  unavailable: 503,
  storage_quota_exceeded: 507,
};

/** What only an exception, a path or a database would say. */
const LEAK =
  /\b[A-Z]\w*(Error|Exception)\b|\bat [\w.<>]+ \(|\.ts:\d|\.js:\d|node_modules|\/(home|root|usr|tmp)\/|\bSELECT\b|\bINSERT\b|SQLITE|D1_|is not a function|undefined is not/;

const SNAKE_CASE = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;

/** Whose keys are not the service's: what clients say, JSON Schema, and OpenAPI have their own. */
const FOREIGN = new Set(["result", "metadata", "input_schema", "example", "headers", "paths", "components"]);

const OFFENCES_SHOWN = 3;

type Judge = (exchange: Exchange) => string | null;

/** A check that asks every answer; the judge says what is wrong with one, null for nothing. */
function ofEveryAnswer(section: string, name: string, judge: Judge): Check {
  return check(section, name, async ({ ledger }) => {
    const found = ledger.exchanges.flatMap((exchange) => {
      const fault = judge(exchange);
      return fault === null ? [] : [`${exchange.method} ${pathOf(exchange)} ${exchange.status}: ${fault}`];
    });
    const some = [...new Set(found)].slice(0, OFFENCES_SHOWN).join("; ");
    claim(ledger.exchanges.length > 0, "no answer was seen");
    claim(found.length === 0, `${found.length} of ${ledger.exchanges.length} answers: ${some}`);
  });
}

const pathOf = ({ url }: Exchange) => new URL(url).pathname.replace(/_01[0-9a-z]{24}/g, "_…");
const isError = ({ status }: Exchange) => status >= 400;
const unless = (isKept: boolean, fault: string) => (isKept ? null : fault);

/** The problem in an error's body; null if it has none, as an answer to HEAD. */
function problemIn({ method, text }: Exchange): Problem | null {
  if (method === "HEAD" || text === "") return null;
  try {
    return JSON.parse(text) as Problem;
  } catch {
    return null;
  }
}

function ofEveryProblem(
  section: string,
  name: string,
  judge: (problem: Problem, exchange: Exchange) => string | null,
) {
  return ofEveryAnswer(section, name, (exchange) => {
    if (!isError(exchange)) return null;
    const problem = problemIn(exchange);
    return problem ? judge(problem, exchange) : null;
  });
}

/** Every name and every time in a JSON value, without what is the client's own. */
function* membersOf(value: unknown): Generator<[string, unknown]> {
  if (Array.isArray(value)) for (const item of value) yield* membersOf(item);
  else if (typeof value === "object" && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      yield [name, member];
      if (!FOREIGN.has(name)) yield* membersOf(member);
    }
  }
}

const isJson = ({ headers, text, url }: Exchange) =>
  /[/+]json/.test(headers.get("Content-Type") ?? "") &&
  text !== "" &&
  !/\/result$|\/files\/|\/openapi\.json$/.test(new URL(url).pathname);

async function asDocumented({ ledger, document }: Deployment): Promise<void> {
  const compare = openDocument(document);
  const found = ledger.exchanges
    .filter(({ method, status }) => method !== "OPTIONS" && status !== 405 && status !== 101)
    .flatMap((exchange) => compare(exchange, exchange));
  const some = [...new Set(found)].slice(0, OFFENCES_SHOWN).join("; ");
  claim(found.length === 0, `${found.length} faults: ${some}`);
}

async function titlesNeverVary({ ledger }: Deployment): Promise<void> {
  const titles = new Map<string, Set<string>>();
  for (const exchange of ledger.exchanges.filter(isError)) {
    const problem = problemIn(exchange);
    if (problem) titles.set(problem.code, (titles.get(problem.code) ?? new Set()).add(problem.title));
  }
  for (const [code, known] of titles) claim(known.size === 1, `${code} has the titles ${shown([...known])}`);
}

export const checksOfAnswers: readonly Check[] = [
  ofEveryAnswer("contract 1", "every answer carries a Request-Id", ({ headers }) =>
    unless(/^[0-9a-f-]{36}$/.test(headers.get("Request-Id") ?? ""), `${headers.get("Request-Id")}`),
  ),
  ofEveryAnswer("contract 1", "every answer carries X-Content-Type-Options: nosniff", ({ headers }) =>
    unless(headers.get("X-Content-Type-Options") === "nosniff", `${headers.get("X-Content-Type-Options")}`),
  ),
  ofEveryAnswer(
    "contract 1",
    "every answer says how it may be cached; errors and jobs as demanded",
    (exchange) => {
      const cache = exchange.headers.get("Cache-Control");
      if (cache === null) return "no Cache-Control";
      if (isError(exchange)) return unless(cache === "no-store", `${cache} on an error`);
      const isJob = exchange.method === "GET" && /^\/v1\/jobs\/[^/]+$/.test(new URL(exchange.url).pathname);
      return unless(!isJob || cache === "private, no-cache", `${cache} on a job`);
    },
  ),
  ofEveryAnswer(
    "contract 1",
    "every answer, errors too, exposes its headers to other origins",
    ({ headers }) => {
      if (!headers.has("Access-Control-Allow-Origin")) return "no Access-Control-Allow-Origin";
      const names = (headers.get("Access-Control-Expose-Headers") ?? "").toLowerCase().split(/\s*,\s*/);
      const missing = EXPOSED.filter((name) => !names.includes(name.toLowerCase()));
      return unless(missing.length === 0, `does not expose ${missing.join(", ")}`);
    },
  ),
  ofEveryAnswer("contract 1", "every name in an answer is snake_case", (exchange) => {
    if (!isJson(exchange)) return null;
    const bad = [...membersOf(JSON.parse(exchange.text))].find(([name]) => !SNAKE_CASE.test(name));
    return bad ? `the name ${bad[0]}` : null;
  }),
  ofEveryAnswer("contract 1", "every time is RFC 3339 in UTC with milliseconds and Z", (exchange) => {
    if (!isJson(exchange)) return null;
    const isTime = (name: string) => /(_at|^time|^hour)$/.test(name);
    const bad = [...membersOf(JSON.parse(exchange.text))].find(
      ([name, value]) => isTime(name) && value !== null && !TIME.test(String(value)),
    );
    return bad ? `${bad[0]} is ${shown(bad[1])}` : null;
  }),
  ofEveryAnswer(
    "contract 1",
    "a success is {data}, beside it only next_cursor or deduplicated",
    (exchange) => {
      if (!isJson(exchange) || isError(exchange)) return null;
      const names = Object.keys(JSON.parse(exchange.text));
      const isKnown = (name: string) => ["data", "next_cursor", "deduplicated"].includes(name);
      return unless(names.includes("data") && names.every(isKnown), shown(names));
    },
  ),
  ofEveryAnswer("contract 1", "nothing that the checks ask is answered by 5xx", ({ status }) =>
    unless(status < 500, "a fault of the service's own"),
  ),
  ofEveryAnswer(
    "RFC 6750 5.3",
    "no answer repeats the key it was asked with",
    ({ authorization, headers, text }) => {
      const key = authorization?.split(" ")[1];
      if (!key) return null;
      const isIn = text.includes(key) || [...headers.values()].some((value) => value.includes(key));
      return unless(!isIn, "the key stands in it");
    },
  ),
  ofEveryAnswer(
    "contract 1",
    "no header and no problem shows a stack, a path, SQL or an exception",
    (exchange) => {
      const where = [...exchange.headers].find(([, value]) => LEAK.test(value));
      if (where) return `${where[0]}: ${where[1]}`;
      const { detail, title } = (isError(exchange) && problemIn(exchange)) || { detail: "", title: "" };
      return unless(!LEAK.test(`${title} ${detail}`), shown(detail));
    },
  ),
  ofEveryAnswer("RFC 9457 3", "every error is application/problem+json", (exchange) => {
    if (!isError(exchange)) return null;
    return unless(
      exchange.headers.get("Content-Type") === "application/problem+json",
      `${exchange.headers.get("Content-Type")}`,
    );
  }),
  ofEveryProblem(
    "RFC 9457 3.1",
    "a problem has type, title, status, detail, code and instance",
    (problem, { status }) => {
      const { type, title, detail, code, instance } = problem;
      const hasAll = [type, title, detail, code, instance].every(
        (member) => typeof member === "string" && member,
      );
      return unless(hasAll && problem.status === status, shown(problem));
    },
  ),
  ofEveryProblem("contract 1", "a problem's type is <origin>/problems/<code>", ({ type, code }, { url }) =>
    unless(type === `${new URL(url).origin}/problems/${code}`, type),
  ),
  ofEveryProblem(
    "contract 1",
    "a problem's instance is urn:uuid: and the Request-Id",
    ({ instance }, { headers }) => unless(instance === `urn:uuid:${headers.get("Request-Id")}`, instance),
  ),
  ofEveryProblem(
    "contract 1",
    "a problem's code is one of the table, with its status",
    ({ code }, { status }) => unless(STATUS_OF_CODE[code] === status, `${code} with ${status}`),
  ),
  ofEveryProblem("contract 1", "a problem's detail is a sentence that says what to do next", ({ detail }) =>
    unless(/^[A-Z].*\.$/s.test(detail), shown(detail)),
  ),
  check("contract 1", "a problem's title never varies per code", titlesNeverVary),
  ofEveryAnswer("RFC 9110 15.5.2", "a 401 carries WWW-Authenticate: Bearer", ({ status, headers }) =>
    unless(status !== 401 || /^Bearer\b/.test(headers.get("WWW-Authenticate") ?? ""), "no challenge"),
  ),
  ofEveryAnswer("RFC 9110 15.5.6", "a 405 carries Allow", ({ status, headers }) =>
    unless(status !== 405 || headers.has("Allow"), "no Allow"),
  ),
  check("OpenAPI 3.1", "every answer is as the deployment's own /openapi.json describes it", asDocumented),
];
