/** The wake call: tells a tenant's fleet that jobs wait and no worker asks for them, so that it may start one. */

import { SECOND } from "../core/time.ts";
import { type Env, targetRules } from "../env.ts";
import { log } from "../lib/log.ts";
import { now, sleep, uuid } from "../lib/runtime.ts";
import { checkTarget } from "../lib/target.ts";
import { formatTime } from "../rpc/views.ts";
import type { WakeMessage } from "../transport/message.ts";
import { postMessage } from "./post.ts";
import { signedMessageHeaders } from "./sign.ts";

/** Pauses between the three attempts. */
const WAKE_PAUSES_MS = [5 * SECOND, 15 * SECOND];

/** Sends the call, at most three times. Never rejects: while jobs wait, the queue calls again. */
export async function wakeFleet(message: WakeMessage, env: Env): Promise<void> {
  const { tenant, queue, types, waiting, url } = message;
  const startedAt = now();
  const data = { queue, types, waiting };
  const body = JSON.stringify({ type: "queue.waiting", timestamp: formatTime(startedAt), data });
  const fields = { tenant, queue, host: URL.parse(url)?.host };
  if (checkTarget(url, targetRules(env)) !== null)
    return log("warn", "wake_failed", { ...fields, error: "refused_target" });
  const id = `msg_wake_${uuid()}`;
  for (let attempt = 0; ; attempt += 1) {
    const headers = await signedMessageHeaders(env, tenant, { id, at: now(), body });
    const { status, error } = await postMessage(url, headers, body);
    if (status !== null && status >= 200 && status < 300) return;
    log("warn", "wake_failed", { ...fields, status, error });
    const pauseMs = WAKE_PAUSES_MS[attempt];
    if (pauseMs === undefined) return;
    await sleep(pauseMs);
  }
}
