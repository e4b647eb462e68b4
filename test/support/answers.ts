/**
 * What must hold of every answer whatever: the ground rules of the contract, and the service's own OpenAPI document.
 * Asked of each answer that the tests see, so that no test needs to repeat it.
 */

import { expect } from "vitest";
import {
  type Answered,
  type Asked,
  openDocument as compareWith,
  type Document,
} from "../../conformance/document.ts";
import { type ProblemCode, problemKinds } from "../../src/api/problems.ts";

/** What pages of other origins may always read (Fetch section 2.2.2), or what has no meaning for a client. */
const UNEXPOSED =
  /^(access-control-.*|content-(type|length|language|encoding|security-policy)|cross-origin-.*|date|expires|last-modified|origin-agent-cluster|permissions-policy|pragma|referrer-policy|strict-transport-security|x-(dns-prefetch-control|download-options|frame-options|permitted-cross-domain-policies|xss-protection))$/;

/** What only an exception, a path or a database would say. */
const LEAK =
  /\bError:|\bat [\w.<>]+ \(|\.ts\b|\.js\b|node_modules|\/home\/|\/root\/|\bSELECT\b|\bINSERT\b|SQLITE|D1_|undefined is not/;

/** The headers of every answer; pages of other origins can read those that have a meaning. */
export function checkHeaders(headers: Headers): void {
  expect(headers.get("Request-Id")).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
  expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
  expect(headers.get("Cache-Control")).not.toBeNull();
  expect(headers.get("Access-Control-Allow-Origin")).toBe("*");
  const exposed = (headers.get("Access-Control-Expose-Headers") ?? "").toLowerCase().split(", ");
  const unreadable = [...headers.keys()].filter((name) => !UNEXPOSED.test(name) && !exposed.includes(name));
  expect(unreadable).toEqual([]);
}

/** Holds of every answer, described in the document or not. */
export function checkGroundRules({ url, method }: Asked, { status, headers, text }: Answered): void {
  checkHeaders(headers);
  if (status < 400) return;
  expect(headers.get("Cache-Control")).toBe("no-store");
  expect(headers.get("Content-Type")).toBe("application/problem+json");
  if (status === 401) expect(headers.get("WWW-Authenticate")).toMatch(/^Bearer/);
  if (status === 405) expect(headers.get("Allow")).not.toBeNull();
  const mayWait = JSON.parse(text || "{}").code !== "quota_exceeded";
  if ((status === 429 && mayWait) || status === 503) expect(headers.get("Retry-After")).toMatch(/^\d+$/);
  if (method === "HEAD") return;
  checkProblem(new URL(url).origin, headers, JSON.parse(text), status);
}

function checkProblem(
  origin: string,
  headers: Headers,
  problem: Record<string, unknown>,
  status: number,
): void {
  const code = problem.code as ProblemCode;
  expect(Object.keys(problemKinds)).toContain(code);
  expect(problem).toMatchObject({
    type: `${origin}/problems/${code}`,
    title: problemKinds[code].title,
    status,
    instance: `urn:uuid:${headers.get("Request-Id")}`,
  });
  expect(problemKinds[code].status).toBe(status);
  const { detail, errors, ...rest } = problem;
  expect(detail).toMatch(/^[A-Z].*\.$/s);
  expect(JSON.stringify(rest)).not.toMatch(LEAK);
  if (!errors) expect(detail).not.toMatch(LEAK);
}

/** Checks answers against the document: declared status, required headers, body of the declared shape. */
export function openDocument(document: Document): (asked: Asked, answered: Answered) => void {
  const compare = compareWith(document);
  return (asked, answered) => expect(compare(asked, answered)).toEqual([]);
}
