/** Contract 1, "Problems": what a problem tells beside its code. Its shape is judged of all answers (answers.ts). */

import { claim, equal, matches } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import { problemOf } from "../client.ts";
import type { Deployment } from "../deployment.ts";

async function typesArePages({ anyone, mine }: Deployment): Promise<void> {
  const answers = [
    await anyone.call("GET", "/v1/job-types"),
    await mine.call("GET", "/v1/jobs/absent"),
    await mine.call("POST", "/v1/jobs", { json: { type: "absent", input: {} } }),
    await mine.call("PATCH", "/v1/jobs"),
  ];
  for (const { json } of answers) {
    const { type, code } = json as { type: string; code: string };
    const page = await anyone.call("GET", new URL(type).pathname);
    equal(page.status, 200, `the status of ${type}`);
    matches(page.headers.get("Content-Type"), /^text\/html\b/, `the type of ${type}`);
    claim(page.text.includes(code), `the page ${type} does not name ${code}`);
  }
  problemOf(await anyone.call("GET", "/problems/no_such_code"), 404, "not_found");
}

async function allFaults({ mine }: Deployment): Promise<void> {
  const json = {
    type: "test.simulate",
    input: { duration_ms: -1, steps: 0, attempts: [{ outcome: "fail", kind: "no_such_kind" }] },
    max_attempts: 0,
    metadata: { "a/b~c": 1 },
  };
  const { errors = [] } = problemOf(await mine.call("POST", "/v1/jobs", { json }), 422, "invalid_request");
  const wanted = ["#/input/attempts/0/kind", "#/input/duration_ms", "#/input/steps", "#/max_attempts"];
  const pointers = errors.map(({ pointer }) => pointer);
  equal(
    wanted.filter((pointer) => !pointers.includes(pointer)),
    [],
    "faults that are not listed",
  );
  claim(pointers.includes("#/metadata/a~1b~0c"), `no fault is at #/metadata/a~1b~0c: ${pointers}`);
  claim(
    errors.every(({ detail }) => detail !== ""),
    "a fault has no detail",
  );
}

async function jobStatusIsTold({ mine }: Deployment): Promise<void> {
  const { id } = await mine.park();
  const unfinished = await mine.call("DELETE", `/v1/jobs/${id}`);
  equal(problemOf(unfinished, 409, "job_not_finished").job_status, "queued", "job_status");
  const done = await mine.simulate();
  await mine.finished(done.id);
  const finished = await mine.cancel(done.id);
  equal(problemOf(finished, 409, "job_not_cancellable").job_status, "succeeded", "job_status");
}

async function typesAreNamed({ mine }: Deployment): Promise<void> {
  const answer = await mine.call("POST", "/v1/jobs", { json: { type: "absent", input: {} } });
  const { detail } = problemOf(answer, 422, "unknown_job_type");
  for (const type of ["csv.import", "report.export", "payments.reconcile", "http.request", "test.simulate"]) {
    claim(detail.includes(type), `the detail does not name ${type}: ${detail}`);
  }
}

export const problemChecks: readonly Check[] = [
  check("RFC 9457 3.1.1", "a problem's type is a page that says what it means", typesArePages),
  check("RFC 6901 6", "a validation problem lists every fault with its pointer", allFaults),
  check("contract 1", "a 409 about a job's state adds job_status", jobStatusIsTold),
  check("contract 1", "unknown_job_type names the types there are", typesAreNamed),
];
