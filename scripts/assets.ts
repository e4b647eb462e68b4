/**
 * Builds what browsers load from this service: our style sheets and scripts, with the libraries they import, bundled
 * and minified. It goes to public/assets, which Cloudflare serves under /assets before the Worker is asked.
 * wrangler runs this before it serves or deploys (`[build]` in wrangler.toml), several at a time in tests; so a file
 * is replaced as a whole, and only if it differs.
 */

import { globSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { build, formatMessages } from "esbuild";
import { root } from "./wrangler.ts";

const target = join(root, "public/assets");

/** What is an asset of its own; what these import is bundled into them. */
const ENTRIES = "src/*/client/*.{css,ts,svg}";

/** What must go along with a bundled library, by its name under /assets. */
const LICENCES: Record<string, string> = {
  "site/swagger-ui-license.txt": "swagger-ui-dist/LICENSE",
  "site/swagger-ui-notice.txt": "swagger-ui-dist/NOTICE",
  "site/swagger-ui-es-bundle.js.LICENSE.txt": "swagger-ui-dist/swagger-ui-es-bundle.js.LICENSE.txt",
};

/** Builds public/assets: `src/site/client/base.css` becomes `site/base.css`. Rejects if the source has a fault. */
export async function buildAssets(): Promise<void> {
  const assets = [...(await ownAssets()), ...(await licences())];
  await Promise.all(assets.map(write));
  await removeAllBut(new Set(assets.map(([name]) => name)));
}

type Asset = readonly [name: string, contents: Uint8Array];

async function ownAssets(): Promise<Asset[]> {
  const paths = globSync(ENTRIES, { cwd: root }).filter((path) => !path.endsWith(".d.ts"));
  const { outputFiles, warnings } = await build({
    absWorkingDir: root,
    entryPoints: paths.map((path) => ({ in: path, out: nameOf(path) })),
    outdir: target,
    write: false,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    loader: { ".svg": "copy" },
    logLevel: "silent",
    tsconfig: join(root, "tsconfig.browser.json"),
  });
  if (warnings.length > 0) throw new Error((await formatMessages(warnings, { kind: "warning" })).join("\n"));
  return outputFiles.map(({ path, contents }) => [path.slice(target.length + 1), contents] as const);
}

/** `src/site/client/base.css` → `site/base`. */
function nameOf(path: string): string {
  return join(basename(dirname(dirname(path))), basename(path, extname(path)));
}

function licences(): Promise<Asset[]> {
  return Promise.all(
    Object.entries(LICENCES).map(
      async ([name, path]) => [name, await readFile(join(root, "node_modules", path))] as const,
    ),
  );
}

async function write([name, contents]: Asset): Promise<void> {
  const path = join(target, name);
  const present = await readFile(path).catch(() => null);
  if (present?.equals(contents)) return;
  const draft = join(root, "dist", `${name.replaceAll("/", "-")}.${process.pid}`);
  await mkdir(dirname(path), { recursive: true });
  await mkdir(dirname(draft), { recursive: true });
  await writeFile(draft, contents);
  await rename(draft, path);
}

async function removeAllBut(names: Set<string>): Promise<void> {
  for (const entry of await readdir(target, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !names.has(path.slice(target.length + 1))) await rm(path, { force: true });
  }
}

if (import.meta.main) {
  try {
    await buildAssets();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
