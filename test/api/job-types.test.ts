import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import type { JobTypeSchema } from "../../src/api/job-types/schemas.ts";
import { jobTypes } from "../../src/job-types/index.ts";
import { call, refusal, submit } from "../support/http.ts";

type View = z.infer<typeof JobTypeSchema>;

const names = [...jobTypes.keys()].filter((name) => name !== "jobs.bulk");
const typeNamed = async (name: string) => (await call("GET", `/v1/job-types/${name}`)).body.data as View;

describe("the job types", () => {
  test.each(["none", "constructor", "__proto__", "Test.simulate", "%00", "test.simulate%20"])(
    "do not include %s",
    async (name) => {
      expect(refusal(await call("GET", `/v1/job-types/${name}`))).toEqual([404, "not_found"]);
    },
  );
});

describe.each(names)("the job type %s", (name) => {
  test("has a description and limits that a client can plan with", async () => {
    const { description, limits } = await typeNamed(name);
    expect(description.length).toBeGreaterThan(10);
    expect(limits.max_attempts).toBeGreaterThanOrEqual(1);
    expect(limits.max_attempts).toBeLessThanOrEqual(25);
    expect(limits.attempt_timeout_ms).toBeLessThanOrEqual(14 * 60_000);
    expect(limits.total_timeout_ms).toBeGreaterThanOrEqual(limits.attempt_timeout_ms);
  });

  test("has a JSON Schema that its example fits and an unknown field does not", async () => {
    const { input_schema, example } = await typeNamed(name);
    const fits = new Ajv2020({ strict: false, validateFormats: false }).compile(input_schema);
    expect(fits(example), JSON.stringify(fits.errors)).toBe(true);
    expect(fits({ ...(example as object), unknown_field: 1 })).toBe(false);
  });

  test("accepts its example", async () => {
    const { type, example } = await typeNamed(name);
    const { job } = await submit({ type, input: example });
    expect(job).toMatchObject({ type, status: "queued" });
  });

  test("gives a job as many attempts as its client may ask for, and no more", async () => {
    const { type, example, limits } = await typeNamed(name);
    const asked = { type, input: example, max_attempts: limits.max_attempts };
    const other = await call("POST", "/v1/jobs", { json: asked, as: "parkedOther" });
    expect([other.status, other.job.max_attempts]).toEqual([202, limits.max_attempts]);
    const more = await call("POST", "/v1/jobs", {
      json: { ...asked, max_attempts: limits.max_attempts + 1 },
    });
    expect(refusal(more)).toEqual([422, "invalid_request"]);
    const longer = await call("POST", "/v1/jobs", {
      json: { ...asked, total_timeout_ms: limits.total_timeout_ms + 1 },
    });
    expect(longer.problem.errors?.map(({ pointer }) => pointer)).toEqual(["#/total_timeout_ms"]);
  });
});
