/** What operators and tenants change of a queue: its limits, a pause, an override. */

import { unreachable } from "../../core/assert.ts";
import { defaultQueueLimits, type FlowRules, type QueueLimits } from "../../core/queue.ts";
import { declaredQueue } from "../../rpc/declared-queues.ts";
import type { QueueChange, QueueRef } from "../../rpc/queue.ts";
import type { QueueConfig } from "./store.ts";

/** The configuration after the change; the very same if nothing changed. */
export function applyChange(config: QueueConfig, change: QueueChange, now: number): QueueConfig {
  switch (change.type) {
    case "set_limits":
      return { ...config, limits: change.limits };
    case "pause":
      return config.paused?.reason === change.reason
        ? config
        : { ...config, paused: { pausedAt: config.paused?.pausedAt ?? now, reason: change.reason } };
    case "resume":
      return config.paused ? { ...config, paused: null } : config;
    case "override":
      return { ...config, override: change.override };
    case "end_override":
      return config.override ? { ...config, override: null } : config;
    default:
      return unreachable(change);
  }
}

/** The limits without an override. Those of the deployment's queues are in its code. */
export function plainLimits(ref: QueueRef, config: QueueConfig): QueueLimits {
  const own = ref.tenant === null ? (declaredQueue(ref.name) ?? {}) : config.limits;
  return { ...defaultQueueLimits, ...own };
}

/** What holds at this time. */
export function rulesAt(ref: QueueRef, config: QueueConfig, now: number): FlowRules {
  const { override, paused } = config;
  const isOverridden = override !== null && override.expiresAt > now;
  const limits = plainLimits(ref, config);
  return {
    limits: isOverridden ? { ...limits, ...override.limits } : limits,
    keys: isOverridden ? override.keys : {},
    isPaused: paused !== null,
  };
}
