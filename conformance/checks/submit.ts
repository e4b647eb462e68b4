/** Contract 3: submitting, and the types there are. */

import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { claim, equal, matches, shown } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import { dataOf, jobOf, pointsAt, problemOf } from "../client.ts";
import type { Deployment } from "../deployment.ts";
import type { JobType } from "../shapes.ts";

const DAY_MS = 86_400_000;
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();

async function accepted({ mine }: Deployment): Promise<void> {
  const answer = await mine.call("POST", "/v1/jobs", {
    json: { type: "test.simulate", input: { duration_ms: 500 } },
  });
  const job = jobOf(answer, 202);
  const url = `/v1/jobs/${job.id}`;
  const { headers } = answer;
  equal(
    [headers.get("Location"), headers.get("Content-Location")],
    [url, url],
    "Location and Content-Location",
  );
  equal(headers.get("Link"), `<${url}>; rel="monitor"`, "Link");
  matches(headers.get("Retry-After"), /^\d+$/, "Retry-After");
  equal(headers.get("ETag"), `"${job.version}"`, "ETag");
  equal((await mine.call("GET", url)).status, 200, "the status of a GET right after");
}

async function acceptedMeansStored({ mine }: Deployment): Promise<void> {
  const made = await Promise.all(Array.from({ length: 20 }, () => mine.park()));
  const read = await Promise.all(made.map(({ id }) => mine.read(id)));
  equal(
    read.map(({ id }) => id),
    made.map(({ id }) => id),
    "the jobs read right after they were accepted",
  );
}

async function twoPostsTwoJobs({ mine }: Deployment): Promise<void> {
  const [one, other] = [await mine.park({ run_at: inMs(DAY_MS) }), await mine.park({ run_at: inMs(DAY_MS) })];
  claim(one.id !== other.id, "two equal posts without a key made one job");
}

async function metadataLimits({ mine }: Deployment): Promise<void> {
  const pairs = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`key${n}`, "x"]));
  const most = { ...pairs(15), ["k".repeat(40)]: "v".repeat(500) };
  equal((await mine.park({ metadata: most })).metadata, most, "the metadata");
  const post = (metadata: unknown) =>
    mine.call("POST", "/v1/jobs", { json: { type: "test.simulate", input: {}, metadata } });
  pointsAt(await post(pairs(17)), "#/metadata");
  pointsAt(await post({ ["k".repeat(41)]: "x" }), `#/metadata/${"k".repeat(41)}`);
  pointsAt(await post({ long: "v".repeat(501) }), "#/metadata/long");
  pointsAt(await post({ number: 1 }), "#/metadata/number");
}

async function runAt({ mine }: Deployment): Promise<void> {
  const post = (run_at: unknown) =>
    mine.call("POST", "/v1/jobs", { json: { type: "test.simulate", input: {}, run_at } });
  pointsAt(await post(inMs(365 * DAY_MS + 60_000)), "#/run_at");
  pointsAt(await post("tomorrow"), "#/run_at");
  pointsAt(await post("2026-02-30T00:00:00Z"), "#/run_at");
  jobOf(await post(inMs(365 * DAY_MS - 60_000)), 202);
  const past = await mine.finished(jobOf(await post("2020-01-01T00:00:00+02:00"), 202).id);
  equal(past.status, "succeeded", "a job whose time is past");
}

async function beginsWhenDue({ mine }: Deployment): Promise<void> {
  const due = inMs(2_000);
  const job = await mine.finished((await mine.simulate({}, { run_at: due })).id);
  claim(Date.parse(job.started_at ?? "") >= Date.parse(due), `it began at ${job.started_at}, due at ${due}`);
}

async function limits({ mine }: Deployment): Promise<void> {
  const { limits } = dataOf<JobType>(await mine.call("GET", "/v1/job-types/test.simulate"), 200);
  const faulty: [string, unknown][] = [
    ["max_attempts", 0],
    ["max_attempts", limits.max_attempts + 1],
    ["max_attempts", 1.5],
    ["total_timeout_ms", limits.total_timeout_ms + 1],
    ["total_timeout_ms", 0],
    ["start_timeout_ms", -1],
    ["on_conflict", "replace"],
  ];
  for (const [field, value] of faulty) {
    const json = { type: "test.simulate", input: {}, [field]: value };
    pointsAt(await mine.call("POST", "/v1/jobs", { json }), `#/${field}`);
  }
  const { max_attempts } = await mine.park({
    max_attempts: limits.max_attempts,
    total_timeout_ms: limits.total_timeout_ms,
  });
  equal(max_attempts, limits.max_attempts, "max_attempts");
}

async function noInput({ mine }: Deployment): Promise<void> {
  pointsAt(await mine.call("POST", "/v1/jobs", { json: { type: "test.simulate" } }), "#/input");
}

async function jobTypes({ mine }: Deployment): Promise<void> {
  const types = dataOf<JobType[]>(await mine.call("GET", "/v1/job-types"), 200);
  const names = types.map(({ type }) => type);
  for (const name of ["csv.import", "report.export", "payments.reconcile", "http.request", "test.simulate"]) {
    claim(names.includes(name), `there is no ${name} among ${names}`);
  }
  for (const one of types) {
    claim(
      one.description !== "" && Object.keys(one.limits).length > 0,
      `${one.type} lacks description or limits`,
    );
    equal(
      dataOf<JobType>(await mine.call("GET", `/v1/job-types/${one.type}`), 200),
      one,
      `the type ${one.type} alone`,
    );
  }
  problemOf(await mine.call("GET", "/v1/job-types/absent"), 404, "not_found");
}

async function examplesFit({ mine }: Deployment): Promise<void> {
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  for (const { type, input_schema, example } of dataOf<JobType[]>(
    await mine.call("GET", "/v1/job-types"),
    200,
  )) {
    const fits = ajv.compile(input_schema);
    claim(fits(example), `the example of ${type} does not fit its schema: ${shown(fits.errors)}`);
  }
}

export const submitChecks: readonly Check[] = [
  check("contract 3", "202 with Location, Content-Location, Link, Retry-After, ETag and the job", accepted),
  check("contract 3", "accepted means stored: a GET right after is 200", acceptedMeansStored),
  check("contract 3", "without a key, two equal posts make two jobs", twoPostsTwoJobs),
  check("contract 3", "metadata: 16 string pairs, keys of 40, values of 500 characters", metadataLimits),
  check("contract 3", "run_at: at most 365 days ahead, and a past one means now", runAt),
  check("contract 3", "a scheduled job begins when it is due, not before", beginsWhenDue),
  check("contract 3", "max_attempts, total_timeout_ms and on_conflict have their limits", limits),
  check("contract 3", "a missing input is told by its pointer", noInput),
  check("contract 3", "the types are listed, and each is to be had alone", jobTypes),
  check("contract 3", "each type's example fits its JSON Schema", examplesFit),
];
