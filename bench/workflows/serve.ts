/**
 * Serves a Worker as `npm start` serves the service, by the same runtime with the same settings, for a parent that
 * listens for its URL. Arguments: the path of its wrangler.toml, and where its state is stored.
 */

import { quiet } from "../../scripts/wrangler.ts";

const [config = "", persist = ""] = process.argv.slice(2);

Object.assign(process.env, quiet);
const { unstable_startWorker: startWorker } = await import("wrangler");
const server = { hostname: "127.0.0.1", port: 0 };
const dev = { server, persist, watch: false, inspector: false, logLevel: "warn" } as const;
const worker = await startWorker({ config, dev });
await worker.ready;
process.once("disconnect", () => void worker.dispose().finally(() => process.exit(0)));
process.send?.({ url: `http://localhost:${(await worker.url).port}` });
