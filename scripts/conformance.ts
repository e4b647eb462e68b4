/**
 * `npm run conformance -- --url <origin> --keys <path, JSON or ->`: judges a deployment by the contract, from outside.
 * `--only <pattern>` picks checks by section and name, `--json` prints the report for machines. Exits with 1 if a
 * check failed, with 2 if it could not judge at all.
 */

import { parseArgs } from "node:util";
import { readKeys } from "../conformance/keys.ts";
import { judge } from "../conformance/run.ts";
import { table } from "../conformance/table.ts";

const usage = "npm run conformance -- --url <origin> --keys <path, JSON or -> [--only <pattern>] [--json]";

try {
  const { values } = parseArgs({
    options: {
      url: { type: "string" },
      keys: { type: "string" },
      only: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const { url, keys, only, json } = values;
  if (url === undefined || keys === undefined) throw new Error(usage);
  const pattern = only === undefined ? {} : { only: new RegExp(only, "i") };
  const report = await judge({ url, keys: await readKeys(keys), ...pattern });
  console.log(json ? JSON.stringify(report, null, 2) : table(report));
  process.exitCode = report.failed > 0 ? 1 : 0;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
