/** The home page: what this service is, and where to continue. */

import { Page } from "./layout.tsx";

/** `origin` is the address of this service; the commands on the page use it. */
export function Home({ origin }: { origin: string }) {
  return (
    <Page title="Accepted" description="Long-running work over HTTP: post it, track it, get its result.">
      <h1>Work that takes longer than a request may wait</h1>
      <p class="lead">
        Accepted answers 202 with a job's id and URL, runs the job in the background, and tells truthfully how
        it goes and how it ended.
      </p>
      <ul class="tiles plain">
        {TILES.map(([href, name, text]) => (
          <li class="card">
            <a class="tile" href={href}>
              <strong>{name}</strong>
              <span class="soft">{text}</span>
            </a>
          </li>
        ))}
      </ul>
      <h2>A first job</h2>
      <p>
        Every request needs an API key. The job type <code>test.simulate</code> does nothing real: it shows
        every outcome a job can have.
      </p>
      <pre>
        <code>{submitExample(origin)}</code>
      </pre>
      <p>
        The answer is <code>202 Accepted</code>: the job is stored, and <code>Location</code> says where it
        is. Read it there until it has ended, or let the answer wait for that:
      </p>
      <pre>
        <code>{read(origin)}</code>
      </pre>
      <h2>What is promised</h2>
      <ol>
        <li>What was accepted is not lost: 202 is said when the job is stored.</li>
        <li>A job ends once: it has succeeded, failed or been cancelled, and that never changes again.</li>
        <li>What it says is true: there is a percentage only when the total is known.</li>
      </ol>
    </Page>
  );
}

const TILES = [
  ["/dashboard", "Dashboard", "See the jobs, what went wrong with which, and act on it."],
  ["/docs", "API reference", "Every operation, to read and to try."],
  ["/openapi.json", "OpenAPI document", "The same for machines: clients, checks and mocks are made from it."],
  ["/v1/health", "Health", "Whether the service answers."],
] as const;

const submitExample = (origin: string) => `KEY=…  # your API key; the local ones: npm run -s dev-keys
curl -i ${origin}/v1/jobs \\
  -H "Authorization: Bearer $KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"type": "test.simulate", "input": {"duration_ms": 3000, "result": {"rows": 42}}}'`;

const read = (origin: string) => `curl ${origin}/v1/jobs/job_… \\
  -H "Authorization: Bearer $KEY" \\
  -H "Prefer: wait=30"`;
