/** Datasets over HTTP: listed, read, deleted; imports make them. */

import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { jobDatasets } from "../../src/datasets/store.ts";
import { type Answer, call, refusal } from "../support/http.ts";

const JOB = `job_${"1".repeat(47)}`;

/** Stores a dataset of one row in the callers' tenant, as an import does. */
async function importInto(name: string, tenant = "parked"): Promise<void> {
  const staged = await jobDatasets(env, tenant, JOB).beginImport(name, ["a", "b"]);
  await staged.stage([{ line: 2, cells: ["1", "2"] }], []);
  await staged.publish();
}

const names = ({ body }: Answer) => (body.data as { name: string }[]).map(({ name }) => name);

test("imported → listed by name, in pages, and read with its columns, rows and size", async () => {
  for (const name of ["c", "a", "b"]) await importInto(`list-${name}`);
  const first = await call("GET", "/v1/datasets?limit=2");
  expect(names(first)).toEqual(["list-a", "list-b"]);
  expect(first.headers.get("Link")).toBe('</v1/datasets?limit=2&cursor=list-b>; rel="next"');
  expect(names(await call("GET", "/v1/datasets?limit=2&cursor=list-b"))).toEqual(["list-c"]);
  expect((await call("GET", "/v1/datasets/list-a")).body.data).toEqual({
    name: "list-a",
    columns: ["a", "b"],
    row_count: 1,
    size: '[[2,["1","2"]]]'.length,
    created_at: expect.any(String),
    updated_at: expect.any(String),
    updated_by: JOB,
  });
});

test("deleted → 404 and not listed; imported again → there again", async () => {
  await importInto("gone");
  expect((await call("DELETE", "/v1/datasets/gone")).status).toBe(204);
  for (const method of ["GET", "DELETE"])
    expect(refusal(await call(method, "/v1/datasets/gone"))).toEqual([404, "not_found"]);
  expect(names(await call("GET", "/v1/datasets"))).not.toContain("gone");
  await importInto("gone");
  expect((await call("GET", "/v1/datasets/gone")).status).toBe(200);
});

test("deleted while an import is under way → the import makes it anew", async () => {
  await importInto("remade");
  const staged = await jobDatasets(env, "parked", JOB).beginImport("remade", ["x"]);
  await staged.stage([{ line: 2, cells: ["1"] }], []);
  await call("DELETE", "/v1/datasets/remade");
  expect(await staged.publish()).toMatchObject({ columns: ["x"], rowCount: 1 });
  expect((await call("GET", "/v1/datasets/remade")).body.data).toMatchObject({ columns: ["x"] });
});

test("another tenant's → 404, and not listed", async () => {
  await importInto("secret", "globex");
  for (const method of ["GET", "DELETE"])
    expect(refusal(await call(method, "/v1/datasets/secret"))).toEqual([404, "not_found"]);
  expect(names(await call("GET", "/v1/datasets"))).not.toContain("secret");
  expect((await call("GET", "/v1/datasets/secret", { as: "globex" })).status).toBe(200);
});

test("its size counts for the quota, until it is deleted", async () => {
  await importInto("sized");
  const { filesObject } = await import("../../src/rpc/files.ts");
  const before = await filesObject(env, "parked").usage();
  await call("DELETE", "/v1/datasets/sized");
  const after = await filesObject(env, "parked").usage();
  expect(before.datasets - after.datasets).toBe(1);
  expect(before.stored_bytes - after.stored_bytes).toBe('[[2,["1","2"]]]'.length);
});
