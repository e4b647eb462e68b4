/**
 * `npm run deploy`: deploys the Worker with its queues and its bucket, which wrangler makes the first time, and makes
 * the secrets that are missing. May be repeated. With `--dry-run` it only builds, and shows what would be deployed; that needs neither network nor account.
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Unstable_Config as Config, unstable_readConfig as readConfig } from "wrangler";
import { hex } from "../src/lib/hash.ts";
import { ADMIN, KEY_SECRET_BYTES, keyHash, makeKey, newKeyId } from "../src/lib/key.ts";
import { randomBytes } from "../src/lib/runtime.ts";
import { root, runWrangler, showWrangler } from "./wrangler.ts";

const SECRET_BYTES = 32;

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
  await makeSecrets();
}

/** Makes the secrets that the Worker does not have yet. Those it has stay as they are. */
async function makeSecrets(): Promise<void> {
  const listed: { name: string }[] = JSON.parse(await runWrangler(["secret", "list"]));
  const known = new Set(listed.map(({ name }) => name));
  const rootKey = await makeKey({ owner: ADMIN, id: newKeyId() }, randomBytes(KEY_SECRET_BYTES), "");
  const wanted = {
    SIGNING_SECRET: hex(randomBytes(SECRET_BYTES)),
    WEBHOOK_SECRET: hex(randomBytes(SECRET_BYTES)),
    ADMIN_KEYS: await keyHash(rootKey),
  };
  const missing = Object.entries(wanted).filter(([name]) => !known.has(name));
  if (missing.length === 0) return;
  await putSecrets(Object.fromEntries(missing));
  console.log(`\nMade the secrets ${missing.map(([name]) => name).join(", ")}.`);
  if (!known.has("ADMIN_KEYS")) console.log(describeRootKey(rootKey));
}

/** Over a file that only its owner can read, because arguments are seen by every process. */
async function putSecrets(secrets: Record<string, string>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "accepted-secrets-"));
  try {
    const file = join(folder, "secrets.json");
    await writeFile(file, JSON.stringify(secrets), { mode: 0o600 });
    await runWrangler(["secret", "bulk", file]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
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

/** The root key is made here and stored nowhere; only its hash is. */
function describeRootKey(rootKey: string): string {
  return `
The root key, shown this once; keep it where you keep secrets:

  ${rootKey}

Make a tenant and its first key with it:

  ADMIN_KEY=<the root key> npm run keys -- create --tenant <tenant> --url <the URL above>`;
}

try {
  const { values } = parseArgs({ options: { "dry-run": { type: "boolean", default: false } } });
  await (values["dry-run"] ? dryRun() : deploy());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
