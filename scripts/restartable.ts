/** The service as something that can be killed at any moment and started again, on the same port and storage. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LogLine, type Service, type ServiceOptions, startService } from "./service.ts";

export type Patience = Pick<ServiceOptions, "leaseMs" | "dispatchTimeoutMs">;

export type Restartable = Awaited<ReturnType<typeof startRestartable>>;

/** Starts it on a free port, with a storage of its own. */
export async function startRestartable(patience: Patience = {}) {
  const stateDir = await mkdtemp(join(tmpdir(), "accepted-test-"));
  const log: LogLine[] = [];
  let service: Service | null = await startService({ stateDir, ...patience });
  const { url, keys } = service;
  const port = Number(new URL(url).port);

  async function end(how: "stop" | "kill"): Promise<void> {
    if (!service) return;
    const ending = service;
    service = null;
    await ending[how]();
    log.push(...ending.log);
  }

  return {
    url,
    keys,
    /** What was logged since the first start, restarts included. */
    log: () => [...log, ...(service?.log ?? [])],
    /** kill -9 of the whole process group, the runtime included. */
    kill: () => end("kill"),
    async restart(): Promise<void> {
      service = await startService({ stateDir, port, ...patience });
    },
    /** Ends it and removes its storage. */
    async discard(): Promise<void> {
      await end("stop");
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}
