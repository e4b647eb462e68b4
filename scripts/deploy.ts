/**
 * `npm run deploy`: deploys the Worker with its queues and its bucket, which wrangler makes the first time. May be
 * repeated. With `--dry-run` it only builds, and shows what would be deployed; that needs neither network nor account.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Unstable_Config as Config, unstable_readConfig as readConfig } from "wrangler";
import { root, runWrangler, showWrangler } from "./wrangler.ts";

const UPLOAD_RULE = "abort-broken-uploads";

const config: Config = readConfig({ config: join(root, "wrangler.toml") });
const bucket = config.r2_buckets[0]?.bucket_name ?? "";
const jurisdiction = config.r2_buckets[0]?.jurisdiction;

async function dryRun(): Promise<void> {
  const outdir = await mkdtemp(join(tmpdir(), "accepted-deploy-"));
  try {
    await showWrangler(["deploy", "--dry-run", "--outdir", outdir]);
  } finally {
    await rm(outdir, { recursive: true, force: true });
  }
}

async function deploy(): Promise<void> {
  await showWrangler(["deploy"]);
  await abortBrokenUploads();
  console.log(describeDeployment());
  const secrets: { name: string }[] = JSON.parse(await runWrangler(["secret", "list"]));
  if (!secrets.some(({ name }) => name === "API_KEYS")) console.log(NO_KEYS);
}

/** R2 keeps the parts of an upload that was broken off for seven days, and they are paid for. */
async function abortBrokenUploads(): Promise<void> {
  const place = jurisdiction ? ["--jurisdiction", jurisdiction] : [];
  const lifecycle = (action: string, ...args: string[]) =>
    runWrangler(["r2", "bucket", "lifecycle", action, bucket, ...args, ...place]);
  if ((await lifecycle("list")).includes(UPLOAD_RULE)) return;
  await lifecycle("add", UPLOAD_RULE, "--abort-multipart-days", "1", "--force");
}

function describeDeployment(): string {
  const queues = (config.queues.producers ?? []).map(({ queue }) => queue);
  const classes = config.durable_objects.bindings.map(({ class_name }) => class_name);
  return `
The account now has:

  the Worker ${config.name}, with the objects ${classes.join(", ")}
  the queues ${queues.join(", ")}
  the bucket ${bucket}, which drops the parts of a broken upload after a day`;
}

const NO_KEYS = `
Deployed, but it has no API key yet. Make a key, and store what it prints:

  npm run new-key -- --tenant <tenant>
  npx wrangler secret put API_KEYS`;

try {
  const { values } = parseArgs({ options: { "dry-run": { type: "boolean", default: false } } });
  await (values["dry-run"] ? dryRun() : deploy());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
