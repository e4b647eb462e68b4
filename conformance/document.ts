/**
 * Whether an answer is as the service's own OpenAPI document describes it: a declared status, the required headers,
 * a body of the declared shape. Says what is wrong and throws nothing, so that any test can use it.
 */

import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

export type Asked = { method: string; url: string };
export type Answered = { status: number; headers: Headers; text: string };

type Header = { required?: boolean; schema: { type?: string } };
type Content = Record<string, { schema: object }>;
type Response = { headers?: Record<string, Header>; content?: Content };
export type Operation = { security?: object[]; responses: Record<string, Response> };
export type Document = { paths: Record<string, Record<string, Operation>> };

const TEXT_CHARS_MAX = 500;

/** Answers a function that says what of an answer is not as described; nothing of one the document does not know. */
export function openDocument(document: Document): (asked: Asked, answered: Answered) => string[] {
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

  function bodyFaults(steps: string[], content: Content, { headers, text }: Answered): string[] {
    const mediaType = headers.get("Content-Type")?.split(";")[0] ?? "";
    const described = content[mediaType] ? mediaType : "*/*";
    if (!content[described]) return [`the media type ${mediaType || "(none)"} is not declared`];
    if (!/json$/.test(described)) return [];
    const validate = validatorAt([...steps, described, "schema"]);
    validate(JSON.parse(text));
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  }

  return ({ method, url }, answered) => {
    const { status, headers, text } = answered;
    const verb = method === "HEAD" ? "get" : method.toLowerCase();
    const path = templates.find(({ pattern }) => pattern.test(new URL(url).pathname))?.path ?? "";
    const operation = document.paths[path]?.[verb];
    if (!operation) return [];
    const described = operation.responses[String(status)];
    const name = `${method} ${path} ${status}`;
    if (!described) return [`${name} is not declared: ${text.slice(0, TEXT_CHARS_MAX)}`];
    const steps = ["paths", path, verb, "responses", String(status), "content"];
    const { content } = described;
    const ofBody = method !== "HEAD" && content ? bodyFaults(steps, content, answered) : emptyFaults(text);
    return [...headerFaults(described, headers), ...ofBody].map((fault) => `${name}: ${fault}`);
  };
}

const emptyFaults = (text: string) => (text === "" ? [] : ["has a body"]);

function headerFaults({ headers: declared = {} }: Response, headers: Headers): string[] {
  return Object.entries(declared).flatMap(([name, { required, schema }]) => {
    const value = headers.get(name);
    if (value === null) return required ? [`lacks the header ${name}`] : [];
    return schema.type === "integer" && !/^\d+$/.test(value) ? [`${name}: ${value} is no whole number`] : [];
  });
}
