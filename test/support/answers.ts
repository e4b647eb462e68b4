/**
 * What must hold of every answer whatever: the ground rules of the contract, and the service's own OpenAPI document.
 * Asked of each answer that the tests see, so that no test needs to repeat it.
 */

import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { expect } from "vitest";
import { type ProblemCode, problemKinds } from "../../src/http/problems.ts";

export type Asked = { method: string; url: string };
export type Answered = { status: number; headers: Headers; text: string };

type Header = { required?: boolean; schema: { type?: string } };
type Content = Record<string, { schema: object }>;
type Operation = {
  security?: object[];
  responses: Record<string, { headers?: Record<string, Header>; content?: Content }>;
};
export type Document = { paths: Record<string, Record<string, Operation>> };

export const EXPOSED =
  "Location,Content-Location,Link,Retry-After,ETag,Preference-Applied,Idempotent-Replayed,Request-Id";

/** What only an exception, a path or a database would say. */
const LEAK =
  /\bError:|\bat [\w.<>]+ \(|\.ts\b|\.js\b|node_modules|\/home\/|\/root\/|\bSELECT\b|\bINSERT\b|SQLITE|D1_|undefined is not/;

/** Holds of every answer, described in the document or not. */
export function checkGroundRules({ url, method }: Asked, { status, headers, text }: Answered): void {
  expect(headers.get("Request-Id")).toMatch(/^urn:uuid:[0-9a-f-]{36}$/);
  expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
  expect(headers.get("Cache-Control")).not.toBeNull();
  expect(headers.get("Access-Control-Allow-Origin")).toBe("*");
  expect(headers.get("Access-Control-Expose-Headers")).toBe(EXPOSED);
  if (status < 400) return;
  expect(headers.get("Cache-Control")).toBe("no-store");
  expect(headers.get("Content-Type")).toBe("application/problem+json");
  if (status === 401) expect(headers.get("WWW-Authenticate")).toMatch(/^Bearer/);
  if (status === 405) expect(headers.get("Allow")).not.toBeNull();
  if (status === 429 || status === 503) expect(headers.get("Retry-After")).toMatch(/^\d+$/);
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
    instance: headers.get("Request-Id"),
  });
  expect(problemKinds[code].status).toBe(status);
  const { detail, errors, ...rest } = problem;
  expect(detail).toMatch(/^[A-Z].*\.$/s);
  expect(JSON.stringify(rest)).not.toMatch(LEAK);
  if (!errors) expect(detail).not.toMatch(LEAK);
}

/** Checks answers against the document: declared status, required headers, body of the declared shape. */
export function openDocument(document: Document) {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });
  addFormats.default(ajv);
  ajv.addSchema(document, "openapi.json");
  const validators = new Map<string, ValidateFunction>();
  const templates = Object.keys(document.paths).map((path) => ({
    path,
    pattern: new RegExp(`^${path.replace(/[.]/g, "\\.").replace(/\{\w+\}/g, "[^/]+")}$`),
  }));

  function validatorAt(steps: string[]): ValidateFunction {
    const pointer = steps
      .map((step) => step.replaceAll("~", "~0").replaceAll("/", "~1"))
      .map(encodeURIComponent);
    const $ref = `openapi.json#/${pointer.join("/")}`;
    const known = validators.get($ref) ?? ajv.compile({ $ref });
    validators.set($ref, known);
    return known;
  }

  /** Whether the document describes the operation; if so, the answer is as described. */
  function check({ method, url }: Asked, { status, headers, text }: Answered): boolean {
    const verb = method === "HEAD" ? "get" : method.toLowerCase();
    const path = templates.find(({ pattern }) => pattern.test(new URL(url).pathname))?.path ?? "";
    const operation = document.paths[path]?.[verb];
    if (!operation) return false;
    const described = operation.responses[String(status)];
    expect(described, `${method} ${path} does not declare ${status}: ${text.slice(0, 500)}`).toBeDefined();
    for (const [name, header] of Object.entries(described?.headers ?? {})) {
      const value = headers.get(name);
      if (header.required) expect(value, `${method} ${path} ${status} lacks ${name}`).not.toBeNull();
      if (value !== null && header.schema.type === "integer") expect(value).toMatch(/^\d+$/);
    }
    if (method === "HEAD" || !described?.content) expect(text).toBe("");
    else
      checkBody(
        ["paths", path, verb, "responses", String(status), "content"],
        described.content,
        headers,
        text,
      );
    return true;
  }

  function checkBody(steps: string[], content: Content, headers: Headers, text: string): void {
    const mediaType = headers.get("Content-Type")?.split(";")[0] ?? "";
    const described = content[mediaType] ? mediaType : "*/*";
    expect(content[described], `${mediaType} is not declared`).toBeDefined();
    if (!/json$/.test(described)) return;
    const validate = validatorAt([...steps, described, "schema"]);
    validate(JSON.parse(text));
    expect(validate.errors ?? [], text.slice(0, 1000)).toEqual([]);
  }

  return check;
}
