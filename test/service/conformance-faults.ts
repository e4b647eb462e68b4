/** Ways in which a deployment can break the contract, each with the checks that must notice it. */

import type { Answering, Fault, Passing } from "./faulty-proxy.ts";

export type PlantedFault = {
  name: string;
  fault: Fault;
  /** What the names of the checks that must fail begin with. */
  noticed: string[];
};

const isJob = ({ url }: Passing) => /^\/v1\/jobs\/job_\w+$/.test(url);

/** Changes the JSON of an answer. */
function edit(answering: Answering, change: (json: Record<string, never>) => unknown): void {
  if (!/json/.test(answering.headers["content-type"] ?? "") || answering.body === "") return;
  const json = JSON.parse(answering.body);
  change(json);
  answering.body = JSON.stringify(json);
}

const withoutHeader = (name: string): Fault => ({
  answer: ({ headers }) => {
    delete headers[name];
  },
});

const withoutAsking = (name: string): Fault => ({
  ask: ({ headers }) => {
    delete headers[name];
  },
});

export const plantedFaults: PlantedFault[] = [
  {
    name: "shows other jobs to a job token",
    fault: {
      answer(answering, { headers }) {
        if (answering.status === 404 && headers.authorization?.startsWith("Bearer acpj_"))
          answering.status = 200;
      },
    },
    noticed: ["a job token allows what it names"],
  },
  {
    name: "accepts a token that is past its time",
    fault: {
      answer(answering) {
        if (answering.status === 401 && answering.body.includes('"token_expired"')) answering.status = 200;
      },
    },
    noticed: ["a changed token is 401", "an upload token allows one upload"],
  },
  {
    name: "drops the ETag",
    fault: withoutHeader("etag"),
    noticed: ["If-None-Match: weakly", "202 with Location", "version grows"],
  },
  {
    name: "answers 403 instead of 404 about others' jobs",
    fault: {
      answer(answering, { url }) {
        if (answering.status === 404 && /^\/v1\/jobs\/job_/.test(url)) answering.status = 403;
      },
    },
    noticed: ["another tenant's job is the same 404", "an id that is misspelt is 404"],
  },
  {
    name: "tells others' jobs from none by a word",
    fault: {
      answer(answering, { url }) {
        const isNone =
          answering.status === 404 && !url.includes("WUynhlTtRcLzJpURdEj0VWdWnt6Uo6mnwiDL7RSVZJpuuL2");
        if (isNone) edit(answering, (problem) => Object.assign(problem, { detail: "This is not yours." }));
      },
    },
    noticed: ["another tenant's job is the same 404"],
  },
  {
    name: "ignores idempotency keys",
    fault: withoutAsking("idempotency-key"),
    noticed: [
      "the same key and request",
      "the same key with another",
      "30 simultaneous",
      "a key that is not",
    ],
  },
  {
    name: "shows a stack in a header",
    fault: {
      answer: ({ headers }) => {
        headers["x-debug"] = "TypeError: x is undefined at run (/home/app/src/index.ts:12)";
      },
    },
    noticed: ["no header and no problem shows"],
  },
  {
    name: "repeats the key in a header",
    fault: {
      answer: ({ headers }, asked) => {
        headers["x-caller"] = asked.headers.authorization ?? "none";
      },
    },
    noticed: ["no answer repeats the key"],
  },
  {
    name: "sends problems as plain JSON",
    fault: {
      answer: ({ headers, status }) => {
        if (status >= 400) headers["content-type"] = "application/json";
      },
    },
    noticed: ["every error is application/problem+json", "every answer is as the deployment's own"],
  },
  {
    name: "forgets CORS on errors",
    fault: {
      answer: ({ headers, status }) => {
        if (status >= 400) delete headers["access-control-expose-headers"];
      },
    },
    noticed: ["every answer, errors too, exposes"],
  },
  {
    name: "drops the Request-Id",
    fault: withoutHeader("request-id"),
    noticed: ["every answer carries a Request-Id", "a problem's instance is"],
  },
  {
    name: "lets errors be cached",
    fault: {
      answer: ({ headers, status }) => {
        if (status === 404) headers["cache-control"] = "max-age=60";
      },
    },
    noticed: ["every answer says how it may be cached"],
  },
  {
    name: "takes a key from the URL",
    fault: {
      ask: ({ url, headers }) => {
        const key = /[?&]access_token=([^&]+)/.exec(url)?.[1];
        if (key) headers.authorization = `Bearer ${key}`;
      },
    },
    noticed: ["a key in a URL is not accepted"],
  },
  {
    name: "loses the answer's links",
    fault: {
      answer(answering, asked) {
        const isSubmission = asked.method === "POST" && asked.url === "/v1/jobs";
        const lose = ({ data }: { data?: { links?: unknown } }) => data && delete data.links;
        if (isSubmission || isJob(asked)) edit(answering, lose);
      },
    },
    noticed: ["every answer is as the deployment's own", "a queued job"],
  },
  {
    name: "says 100 percent too early",
    fault: {
      answer(answering, asked) {
        const early = (json: { data?: { progress?: { percent: number } | null } }) => {
          if (json.data?.progress) json.data.progress.percent = 100;
        };
        if (isJob(asked)) edit(answering, early);
      },
    },
    noticed: ["percent is rounded down", "percent exists only"],
  },
  {
    name: "tells times to the second",
    fault: {
      answer: (answering) => {
        if (/json/.test(answering.headers["content-type"] ?? ""))
          answering.body = answering.body.replace(/(T\d\d:\d\d:\d\d)\.\d{3}Z/g, "$1Z");
      },
    },
    noticed: ["every time is RFC 3339"],
  },
  {
    name: "begins every stream anew",
    fault: {
      ask(passing) {
        delete passing.headers["last-event-id"];
        passing.url = passing.url.replace(/\?after=\d+/, "");
      },
    },
    noticed: ["Last-Event-ID and ?after= resume", "a reconnect with the final id"],
  },
  {
    name: "loses an event of a stream",
    fault: {
      answer: (answering) => {
        answering.body = answering.body.replace(/id: 2\nevent: .*\ndata: .*\n\n/, "");
      },
    },
    noticed: ["events as a stream"],
  },
  {
    name: "does not wait",
    fault: withoutAsking("prefer"),
    noticed: ["POST with Prefer: wait, finished", "GET with Prefer: wait", "a wait above 55"],
  },
  {
    name: "drops Allow",
    fault: withoutHeader("allow"),
    noticed: ["a wrong method on a known path", "a 405 carries Allow"],
  },
  {
    name: "ignores If-Match",
    fault: withoutAsking("if-match"),
    noticed: ["If-Match compares the version"],
  },
  {
    name: "answers whole files to ranges",
    fault: withoutAsking("range"),
    noticed: ["ranges of a file"],
  },
  {
    name: "ignores the listing's filters",
    fault: {
      ask(passing) {
        passing.url = passing.url.replace(/(\/v1\/jobs)\?.*/, "$1");
      },
    },
    noticed: ["status and type, both", "the cursor visits", "unknown, doubled"],
  },
];
