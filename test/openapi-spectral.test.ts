/** The OpenAPI document by a second linter's rules: Spectral finds other things than Redocly (openapi.test.ts). */

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openApiDocument } from "../src/api/openapi/document.ts";
import { jobTypes } from "../src/job-types/index.ts";

const root = join(import.meta.dirname, "..");
const run = promisify(execFile);
const document = openApiDocument(jobTypes, "https://accepted.example.org");

const LINT_MS = 60_000;

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "openapi-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** What Spectral says of a document, warnings and hints included, as "rule: message at place". */
async function lint(text: string): Promise<string[]> {
  const file = join(folder, `${crypto.randomUUID()}.json`);
  await writeFile(file, text);
  const cli = join(root, "node_modules/@stoplight/spectral-cli/dist/index.js");
  const args = [cli, "lint", file, "--ruleset", join(root, "spectral.yaml"), "--format", "json", "--quiet"];
  const { stdout } = await run(process.execPath, args, { cwd: folder, maxBuffer: 16 * 1024 * 1024 }).catch(
    (failed: { stdout: string }) => failed,
  );
  const found = JSON.parse(stdout) as { code: string; message: string; path: string[] }[];
  return found.map(({ code, message, path }) => `${code}: ${message} at ${path.join("/")}`);
}

test(
  "is flawless by Spectral's rules",
  async () => {
    expect(await lint(JSON.stringify(document))).toEqual([]);
  },
  LINT_MS,
);

test(
  "or the linter would say so",
  async () => {
    const { operationId: _, ...health } = document.paths?.["/v1/health"]?.get ?? {};
    const paths = { ...document.paths, "/v1/health": { get: { ...health, tags: ["Unknown"] } } };
    const found = (await lint(JSON.stringify({ ...document, paths }))).map((line) => line.split(":")[0]);
    expect(found.toSorted()).toEqual(["operation-operationId", "operation-tag-defined"]);
  },
  LINT_MS,
);
