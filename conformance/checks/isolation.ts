/** Contract 1: what another tenant owns does not exist, and nothing tells it from what never was. */

import { equal } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import type { Answer, Client } from "../client.ts";
import type { Deployment } from "../deployment.ts";

const ABSENT_JOB = "job_WUynhlTtRcLzJpURdEj0VWdWnt6Uo6mnwiDL7RSVZJpuuL2";
const ABSENT_FILE = "file_01h2xcejqtf2nbrexx3vqjhp41";

/** Of each moment its own, and no one's to compare. */
const OF_THE_MOMENT = /^(date|request-id|cf-.*|server|report-to|nel|alt-svc|connection|keep-alive)$/;

/** An answer without what may differ: its instance, and headers of the moment. */
function comparable({ status, text, headers }: Answer) {
  const kept = [...headers].filter(([name]) => !OF_THE_MOMENT.test(name));
  return { status, text: text.replace(/urn:uuid:[0-9a-f-]+/g, ""), headers: Object.fromEntries(kept) };
}

/** Another tenant's answer must be, word for word, the one for what never existed. */
async function looksAbsent(
  asker: Client,
  method: string,
  path: (id: string) => string,
  id: string,
  absent: string,
) {
  const foreign = comparable(await asker.call(method, path(id)));
  const missing = comparable(await asker.call(method, path(absent)));
  equal(foreign.status, 404, `the status of ${method} ${path("…")} about another tenant's`);
  equal(foreign, missing, `the answer to ${method} ${path("…")} about another tenant's`);
}

async function jobsAreApart({ mine, theirs }: Deployment): Promise<void> {
  const { id } = await mine.park();
  const routes: [string, string][] = [
    ["GET", ""],
    ["HEAD", ""],
    ["GET", "/events"],
    ["GET", "/result"],
    ["GET", "/deliveries"],
    ["POST", "/cancel"],
    ["POST", "/replay"],
    ["POST", `/deliveries/msg_${id.slice(4)}_1/redeliver`],
    ["DELETE", ""],
  ];
  for (const [method, rest] of routes) {
    await looksAbsent(theirs, method, (job) => `/v1/jobs/${job}${rest}`, id, ABSENT_JOB);
  }
  equal((await mine.read(id)).status, "queued", "the job's status after the other tenant tried it");
}

async function filesAreApart({ mine, theirs }: Deployment): Promise<void> {
  const { id } = await mine.upload("mine", "text/plain");
  for (const method of ["GET", "HEAD", "DELETE"]) {
    await looksAbsent(theirs, method, (file) => `/v1/files/${file}`, id, ABSENT_FILE);
  }
  equal(
    (await mine.call("GET", `/v1/files/${id}`)).status,
    200,
    "the file's status after the other tenant tried it",
  );
}

async function filesOfOthersAreNoInput({ mine, theirs, run }: Deployment): Promise<void> {
  const { id: file } = await mine.upload("a,b\n1,2\n", "text/csv");
  const job = await theirs.finished(
    (await theirs.submit("csv.import", { file, dataset: `conformance_${run}_x` })).id,
  );
  equal([job.status, job.error?.kind], ["failed", "not_found"], "an import of another tenant's file");
}

async function misspeltIds({ mine }: Deployment): Promise<void> {
  const { id } = await mine.park();
  const misspelt = [
    `${id}0`,
    id.slice(0, -1),
    id.toUpperCase(),
    id.replace("job_", "file_"),
    "x",
    "%00",
    "..%2f",
  ];
  for (const wrong of misspelt) {
    equal((await mine.call("GET", `/v1/jobs/${wrong}`)).status, 404, `the status of /v1/jobs/${wrong}`);
  }
}

export const isolationChecks: readonly Check[] = [
  check("contract 1", "another tenant's job is the same 404 as no job, apart from instance", jobsAreApart),
  check("contract 1", "another tenant's file is the same 404 as no file, apart from instance", filesAreApart),
  check("contract 9", "another tenant's file is no input for a job", filesOfOthersAreNoInput),
  check("contract 1", "an id that is misspelt is 404", misspeltIds),
];
