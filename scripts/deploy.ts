/**
 * `npm run deploy`: brings the database up to date, then deploys the Worker. In this order, because new code
 * needs its tables from its first request on; a migration must therefore suit the code before it, too.
 * With `--dry-run` it only builds, and shows what would be deployed; that needs neither network nor account.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runWrangler, showWrangler } from "./wrangler.ts";

/** As in wrangler.toml, which binds it by this name. */
const DATABASE = "accepted";

async function dryRun(): Promise<void> {
  const outdir = await mkdtemp(join(tmpdir(), "accepted-deploy-"));
  try {
    await showWrangler(["deploy", "--dry-run", "--outdir", outdir]);
  } finally {
    await rm(outdir, { recursive: true, force: true });
  }
}

/** `wrangler deploy` makes queue and bucket by itself, and would make the database, but then without tables. */
async function deploy(): Promise<void> {
  const databases: { name: string }[] = JSON.parse(await runWrangler(["d1", "list", "--json"]));
  if (!databases.some(({ name }) => name === DATABASE)) await runWrangler(["d1", "create", DATABASE]);
  await showWrangler(["d1", "migrations", "apply", DATABASE, "--remote"]);
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
