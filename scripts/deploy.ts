/**
 * `npm run deploy`: deploys the Worker. wrangler makes queues and bucket the first time.
 * With `--dry-run` it only builds, and shows what would be deployed; that needs neither network nor account.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runWrangler, showWrangler } from "./wrangler.ts";

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
  const secrets: { name: string }[] = JSON.parse(await runWrangler(["secret", "list"]));
  if (!secrets.some(({ name }) => name === "API_KEYS")) console.log(NO_KEYS);
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
