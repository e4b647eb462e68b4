/** The settings of a tenant that has none of its own. */

import type { IndexLayout } from "../core/job.ts";
import { DAY } from "../core/time.ts";
import { defaultLimits, type TenantSettings } from "../rpc/tenant.ts";

export const defaultIndex: IndexLayout = { period: "month", shards: 1 };

export const defaultSettings: TenantSettings = {
  name: null,
  weight: 1,
  disabled: false,
  limits: defaultLimits,
  retentionMs: null,
  fileRetentionMs: 30 * DAY,
  index: defaultIndex,
};
