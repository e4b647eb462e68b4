/** A deploy runs to its end, twice, against a stub of Cloudflare's API; a dry run needs neither network nor account. */

import { expect, test } from "vitest";
import { keyHash } from "../../src/lib/key.ts";
import { startCloudflare } from "./cloudflare.ts";
import { finishNpmRun } from "./scripts.ts";

const noAccount = { CLOUDFLARE_API_TOKEN: "", CLOUDFLARE_ACCOUNT_ID: "" };

test("a dry run builds the Worker, prints its bindings and deploys nothing", async () => {
  const { status, stdout } = await finishNpmRun("deploy", ["--dry-run"], noAccount);
  expect(status).toBe(0);
  for (const binding of [
    "JOBS",
    "UNIQUE_KEYS",
    "FILE_RECORDS",
    "DATASETS",
    "JOB_QUEUE_SHORT_0",
    "JOB_QUEUE_LONG_3",
    "FILES",
    "KEY_LIMITER",
    "LEASE_MS",
  ]) {
    expect(stdout).toMatch(new RegExp(`env\\.${binding} .*\\S`));
  }
  expect(stdout).toContain('env.LOCAL_QUEUE ("false")');
  expect(stdout).toContain('env.ALLOW_LOCALHOST_URLS ("false")');
  expect(stdout).toContain("--dry-run: exiting now.");
});

test("an unknown option is refused before anything is done", async () => {
  const { status, stdout, stderr } = await finishNpmRun("deploy", ["--force"], noAccount);
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toContain("--force");
});

/** The settings that are not the platform's defaults, as they reach the platform; wrangler.toml says why. */
const settings = {
  compatibility_date: "2026-10-01",
  compatibility_flags: [
    "queue_consumer_no_wait_for_wait_until",
    "enable_request_signal",
    "global_fetch_strictly_public",
  ],
  limits: { cpu_ms: 300_000, subrequests: 100_000 },
  observability: {
    enabled: true,
    redact_query_string: true,
    logs: { enabled: true, head_sampling_rate: 1, invocation_logs: false },
    traces: { enabled: true, head_sampling_rate: 0.001 },
  },
};
const jobQueues = ["short", "long"].flatMap((length) =>
  [0, 1, 2, 3].map((n) => `accepted-jobs-${length}-${n}`),
);
const deadLetters = "accepted-dead-letters";

test("two deploys → the first makes everything, the second nothing more", async () => {
  const cloudflare = await startCloudflare();
  const { account } = cloudflare;
  try {
    const first = await finishNpmRun("deploy", [], cloudflare.env);
    expect([first.status, first.stderr]).toEqual([0, ""]);
    expect(first.stdout).toContain("https://accepted.example.workers.dev");
    expect(first.stdout).toContain("The account now has:");
    const [rootKey = ""] = first.stdout.match(/acpt_admin_\w+/) ?? [];
    expect(account.secrets).toEqual({
      SIGNING_SECRET: expect.stringMatching(/^[0-9a-f]{64}$/),
      WEBHOOK_SECRET: expect.stringMatching(/^[0-9a-f]{64}$/),
      ADMIN_KEYS: await keyHash(rootKey),
    });
    expect(account.secrets.SIGNING_SECRET).not.toBe(account.secrets.WEBHOOK_SECRET);
    for (const secret of Object.values(account.secrets)) expect(first.stdout).not.toContain(secret);
    const made = structuredClone(account);
    expect(made.versions[0]).toMatchObject(settings);
    expect(made.queues.toSorted()).toEqual([...jobQueues, "accepted-deliveries", deadLetters].toSorted());
    expect(made.consumers.map(({ queue }) => queue).toSorted()).toEqual(
      [...jobQueues, "accepted-deliveries"].toSorted(),
    );
    for (const { settings: consumer } of made.consumers)
      expect(consumer).toMatchObject({ dead_letter_queue: deadLetters, settings: { batch_size: 1 } });
    expect(made.buckets).toEqual(["accepted-files"]);
    expect(made.rules).toMatchObject([{ id: "abort-broken-uploads", enabled: true }]);
    const second = await finishNpmRun("deploy", [], cloudflare.env);
    expect([second.status, second.stderr]).toEqual([0, ""]);
    expect(second.stdout).not.toMatch(/acpt_|secrets/);
    expect(account.versions).toHaveLength(2);
    expect({ ...account, versions: [] }).toMatchObject({ ...made, versions: [], unknown: expect.any(Array) });
    expect(account.unknown).toEqual([]);
  } finally {
    await cloudflare.stop();
  }
});
