/** The OpenAPI document: valid by independent rules, and complete. */

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jobExample } from "../src/api/jobs/example.ts";
import { JobSchema } from "../src/api/jobs/schemas.ts";
import { openApiDocument } from "../src/api/openapi/document.ts";
import { problemKinds } from "../src/api/problems.ts";
import { createApp } from "../src/app.ts";
import { jobTypes } from "../src/job-types/index.ts";
import { SubmitRequestSchema } from "../src/submission/request.ts";

const document = openApiDocument(jobTypes, "https://accepted.example.org");
type RequestBody = { content: { "application/json": { examples: Record<string, { value: unknown }> } } };
type Parameter = { name: string; schema: object };
type Operation = { operationId: string; security?: object[]; responses: Record<string, object> };

const root = join(import.meta.dirname, "..");
const run = promisify(execFile);

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "openapi-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** What Redocly's linter says of a document, as "rule: message at place". */
async function lint(text: string): Promise<string[]> {
  const file = join(folder, `${crypto.randomUUID()}.json`);
  await writeFile(file, text);
  const cli = join(root, "node_modules/.bin/redocly");
  const config = join(root, "redocly.yaml");
  const env = {
    ...process.env,
    REDOCLY_TELEMETRY: "off",
    REDOCLY_SUPPRESS_UPDATE_NOTICE: "true",
    CI: "true",
  };
  const args = ["lint", file, "--config", config, "--format", "json"];
  const { stdout } = await run(cli, args, { cwd: folder, env }).catch((failed: { stdout: string }) => failed);
  const { problems } = JSON.parse(stdout) as {
    problems: { ruleId: string; message: string; location: { pointer?: string }[] }[];
  };
  return problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} at ${location[0]?.pointer}`);
}

describe("the document", () => {
  test("is flawless by Redocly's recommended rules", async () => {
    expect(await lint(JSON.stringify(document))).toEqual([]);
  }, 60_000);

  test("or the linter would say so", async () => {
    const { summary: _, ...health } = document.paths?.["/v1/health"]?.get ?? {};
    const paths = { ...document.paths, "/v1/health": { get: health }, "/v1/jobs/{other}": { get: {} } };
    const found = (await lint(JSON.stringify({ ...document, paths }))).map((line) => line.split(":")[0]);
    expect(found).toEqual(
      expect.arrayContaining(["operation-summary", "no-ambiguous-paths", "operation-operationId"]),
    );
  }, 60_000);

  test("describes every route, and no other but the pages for people", () => {
    const app = createApp(jobTypes);
    const isPage = (path: string) => path === "/" || path === "/docs" || /^\/dashboard(\/|$)/.test(path);
    const routes = app.routes
      .filter(({ method, path }) => method !== "ALL" && !isPage(path))
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
    const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
      Object.keys(item).map((verb) => `${verb.toUpperCase()} ${path}`),
    );
    expect([...new Set(operations)].sort()).toEqual([...new Set(routes)].sort());
  });

  test("says of every operation that needs a key how the key can fail, and of no other", () => {
    for (const [path, item] of Object.entries(document.paths ?? {})) {
      for (const operation of Object.values(item as Record<string, Operation>)) {
        const needsKey = operation.security?.length !== 0;
        for (const status of ["401", "403", "429", "500", "503"]) {
          expect(status in operation.responses, `${status} of ${path}`).toBe(needsKey);
        }
      }
    }
  });

  test("names every operation differently", () => {
    const ids = Object.values(document.paths ?? {}).flatMap((item) =>
      Object.values(item as Record<string, Operation>).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("shows a job as jobs are", () => {
    expect(JobSchema.strict().safeParse(jobExample).error).toBeUndefined();
  });

  test("has for every job type a body that can be sent as it is", () => {
    const body = document.paths?.["/v1/jobs"]?.post?.requestBody as RequestBody;
    const { examples } = body.content["application/json"];
    expect(Object.keys(examples).sort()).toEqual([...jobTypes.keys()].sort());
    for (const { value } of Object.values(examples)) {
      const { type, input } = SubmitRequestSchema.parse(value);
      expect(jobTypes.get(type)?.input.safeParse(input).error).toBeUndefined();
    }
  });

  test("gives no header, query parameter or id an example, which tools would send along unasked", () => {
    const operations = Object.values(document.paths ?? {}).flatMap(
      (item) => Object.values(item) as { parameters?: Parameter[] }[],
    );
    const parameters = operations.flatMap((operation) => operation.parameters ?? []);
    expect(parameters.map(({ name }) => name)).toContain("Idempotency-Key");
    const shown = parameters.filter((parameter) => "example" in parameter || "example" in parameter.schema);
    expect([...new Set(shown.map(({ name }) => name))].sort()).toEqual(["code", "type"]);
  });

  test("knows every code of a problem", () => {
    const text = JSON.stringify(document.components?.schemas?.Problem);
    for (const code of Object.keys(problemKinds)) expect(text).toContain(`"${code}"`);
  });
});
