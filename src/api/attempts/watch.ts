/** Waiting here in the Worker until a run is over, so that the job's object can hibernate. */

import type { Env } from "../../env.ts";
import { sleep } from "../../lib/runtime.ts";
import { closeNormally } from "../../lib/socket.ts";
import { jobObject } from "../../rpc/job.ts";
import type { AttemptToken } from "../../tenants/tokens.ts";
import type { RunOver } from "./token.ts";

/** Why the run is over, as soon as it is; null if it still counts after `ms`, or when that is unknown. */
export async function watchRun(
  env: Env,
  { tenant, jobId, lease }: AttemptToken,
  ms: number,
  client: AbortSignal,
): Promise<RunOver | null> {
  const query = new URLSearchParams({ lease });
  const answer = await jobObject(env, tenant, jobId)
    .fetch(`https://job/watch?${query}`, { headers: { Upgrade: "websocket" } })
    .catch(() => null);
  if (answer?.status === 404) return { reason: "stale", status: null };
  if (answer?.status === 409) return (await answer.json()) as RunOver;
  const socket = answer?.webSocket;
  if (!socket) {
    await sleep(ms, client);
    return null;
  }
  let over: RunOver | null = null;
  const ended = new AbortController();
  socket.addEventListener("message", ({ data }) => {
    over = JSON.parse(String(data)) as RunOver;
    ended.abort();
  });
  socket.accept();
  await sleep(ms, AbortSignal.any([ended.signal, client]));
  closeNormally(socket);
  return over;
}
