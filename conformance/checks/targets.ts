/** Contract 8 and 10: where webhooks and http.request may go. The rule is one, and judged without calling anybody. */

import { claim } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import { pointsAt, type Request } from "../client.ts";
import type { Deployment } from "../deployment.ts";

/** Refused by every deployment, whatever it allows on its own machine. */
const REFUSED = [
  ...[
    "https://example.com:8443/",
    "https://user:secret@example.com/",
    "https://user@example.com/",
    "ftp://example.com/",
  ],
  ...[
    "https://127.0.0.1/",
    "https://10.0.0.1/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
  ],
  ...[
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://169.254.169.254/latest/meta-data/",
    "https://１２７.0.0.1/",
  ],
  ...[
    "https://intranet/",
    "https://localhost/",
    "https://printer.local/",
    "https://db.internal/",
    "https://a.localhost/",
  ],
  ...["http://example.com/", "https://", "example.com", "javascript:alert(1)", "//example.com/", ""],
];

/** Throws for a URL that is not refused at the field. */
async function refuses(
  { mine, url }: Deployment,
  pointer: string,
  request: (target: string) => unknown,
): Promise<void> {
  const own = `${url}/v1/health`;
  for (const target of [...REFUSED, own]) {
    const sent: Request = { json: request(target) };
    const answer = await mine.call("POST", "/v1/jobs", sent);
    claim(answer.status === 422, `${target} is answered ${answer.status}`);
    pointsAt(answer, pointer);
  }
}

const webhookTargets = (deployment: Deployment) =>
  refuses(deployment, "#/webhook/url", (url) => ({ type: "test.simulate", input: {}, webhook: { url } }));

const requestTargets = (deployment: Deployment) =>
  refuses(deployment, "#/input/url", (url) => ({ type: "http.request", input: { url, method: "GET" } }));

async function webhookFields({ mine }: Deployment): Promise<void> {
  const url = "https://hooks.example.com/";
  const post = (webhook: unknown) =>
    mine.call("POST", "/v1/jobs", { json: { type: "test.simulate", input: {}, webhook } });
  pointsAt(await post({ url, events: ["job.finished"] }), "#/webhook/events/0");
  pointsAt(await post({ url, events: [] }), "#/webhook/events");
  pointsAt(await post({ url, secret: "x" }), "#/webhook/secret");
  pointsAt(await post({ events: ["job.failed"] }), "#/webhook/url");
}

export const targetChecks: readonly Check[] = [
  check(
    "contract 8",
    "a webhook goes only to https on port 443 of a public name that is not this service",
    webhookTargets,
  ),
  check("contract 8", "a webhook's fields are checked, each by its pointer", webhookFields),
  check("contract 10", "http.request has the same target rules", requestTargets),
];
