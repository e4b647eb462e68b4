/** Contract 1: methods, HEAD, OPTIONS and CORS, and what is not negotiated. */

import { claim, equal } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import { problemOf } from "../client.ts";
import type { Deployment } from "../deployment.ts";

/** A method that no route has. */
const NO_METHOD = "PATCH";

/** Of each moment its own, or of the connection. */
const OF_THE_MOMENT =
  /^(date|request-id|cf-.*|server|report-to|nel|alt-svc|connection|keep-alive|transfer-encoding|retry-after)$/;

const methodsOf = (text: string | null) => (text ?? "").split(/\s*,\s*/).filter(Boolean);

async function wrongMethods({ mine, document }: Deployment): Promise<void> {
  for (const [template, item] of Object.entries(document.paths)) {
    const answer = await mine.call(NO_METHOD, template.replace(/\{\w+\}/g, "absent"));
    problemOf(answer, 405, "method_not_allowed");
    const described = Object.keys(item).map((verb) => verb.toUpperCase());
    const wanted = described.includes("GET") ? [...described, "HEAD"] : described;
    const allowed = methodsOf(answer.headers.get("Allow")).filter((method) => method !== "OPTIONS");
    equal(allowed.toSorted(), wanted.toSorted(), `Allow of ${template}`);
  }
}

async function headIsGet({ mine, run }: Deployment): Promise<void> {
  const { id } = await mine.simulate({ result: { of: run } });
  await mine.finished(id);
  const file = await mine.upload("some text", "text/plain");
  const paths = [
    ...["/v1/health", "/v1/job-types", "/v1/job-types/test.simulate", "/openapi.json", "/problems/not_found"],
    ...[`/v1/jobs/${id}`, `/v1/jobs/${id}/events`, `/v1/jobs/${id}/result`, `/v1/jobs/${id}/deliveries`],
    ...[`/v1/files/${file.id}`, "/v1/webhook-secret", "/v1/jobs?metadata[none]=none", "/v1/jobs/absent"],
  ];
  for (const path of paths) {
    const [get, head] = [await mine.call("GET", path), await mine.call("HEAD", path)];
    const named = (headers: Headers) =>
      Object.fromEntries(
        [...headers].filter(([name]) => !OF_THE_MOMENT.test(name) && name !== "content-length"),
      );
    equal(head.status, get.status, `the status of HEAD ${path}`);
    equal(named(head.headers), named(get.headers), `the headers of HEAD ${path}`);
    equal(head.text, "", `the body of HEAD ${path}`);
  }
}

async function preflight({ anyone }: Deployment): Promise<void> {
  const asked = [
    "authorization",
    "content-type",
    "idempotency-key",
    "prefer",
    "if-match",
    "if-none-match",
    "last-event-id",
  ];
  for (const [method, path] of [
    ["POST", "/v1/jobs"],
    ["GET", "/v1/jobs/absent"],
    ["DELETE", "/v1/files/absent"],
  ] as const) {
    const headers = {
      Origin: "https://app.example.org",
      "Access-Control-Request-Method": method,
      "Access-Control-Request-Headers": asked.join(", "),
    };
    const answer = await anyone.call("OPTIONS", path, { headers });
    claim(answer.status === 200 || answer.status === 204, `the preflight of ${path} is ${answer.status}`);
    const origin = answer.headers.get("Access-Control-Allow-Origin");
    claim(origin === "*" || origin === headers.Origin, `the allowed origin is ${origin}`);
    const methods = methodsOf(answer.headers.get("Access-Control-Allow-Methods"));
    claim(methods.includes(method), `${method} is not among ${methods}`);
    const allowed = methodsOf(answer.headers.get("Access-Control-Allow-Headers")?.toLowerCase() ?? null);
    equal(
      asked.filter((name) => !allowed.includes(name)),
      [],
      "the refused headers",
    );
  }
}

async function acceptIsIgnored({ mine }: Deployment): Promise<void> {
  for (const Accept of ["text/html", "application/xml", "application/json;q=0", "nonsense", "*/*"]) {
    const answer = await mine.call("GET", "/v1/job-types", { headers: { Accept } });
    equal(answer.status, 200, `the status for Accept: ${Accept}`);
    claim(answer.json !== null, `the answer to Accept: ${Accept} is not JSON`);
  }
}

async function unknownPaths({ mine, anyone }: Deployment): Promise<void> {
  problemOf(await mine.call("GET", "/v1/nothing"), 404, "not_found");
  problemOf(await anyone.call("GET", "/nothing/here"), 404, "not_found");
}

export const methodChecks: readonly Check[] = [
  check("RFC 9110 15.5.6", "a wrong method on a known path is 405 with a correct Allow", wrongMethods),
  check("RFC 9110 9.3.2", "every GET answers HEAD with the same headers", headIsGet),
  check("contract 1", "a preflight needs no key and allows what clients send", preflight),
  check("contract 1", "Accept is not negotiated on JSON routes", acceptIsIgnored),
  check("contract 1", "an unknown path is a 404 problem", unknownPaths),
];
