/** All checks, in the order of the contract. */

import type { Check } from "../check.ts";
import { accessChecks } from "./access.ts";
import { bodyChecks } from "./bodies.ts";
import { bulkChecks } from "./bulk.ts";
import { cancelChecks } from "./cancel.ts";
import { dataChecks } from "./data.ts";
import { deliveryChecks } from "./deliveries.ts";
import { eventChecks } from "./events.ts";
import { fileChecks } from "./files.ts";
import { httpRequestChecks } from "./http-request.ts";
import { idempotencyChecks } from "./idempotency.ts";
import { isolationChecks } from "./isolation.ts";
import { jobChecks } from "./job.ts";
import { listingChecks } from "./listing.ts";
import { methodChecks } from "./methods.ts";
import { outcomeChecks } from "./outcomes.ts";
import { pollingChecks } from "./polling.ts";
import { problemChecks } from "./problems.ts";
import { queueChecks } from "./queues.ts";
import { replayDeleteChecks } from "./replay-delete.ts";
import { resultChecks } from "./result.ts";
import { statsChecks } from "./stats.ts";
import { submitChecks } from "./submit.ts";
import { targetChecks } from "./targets.ts";
import { testSimulateChecks } from "./test-simulate.ts";
import { tokenChecks } from "./tokens.ts";
import { waitChecks } from "./wait.ts";

export const allChecks: readonly Check[] = [
  ...accessChecks,
  ...isolationChecks,
  ...methodChecks,
  ...bodyChecks,
  ...problemChecks,
  ...jobChecks,
  ...outcomeChecks,
  ...submitChecks,
  ...idempotencyChecks,
  ...pollingChecks,
  ...waitChecks,
  ...eventChecks,
  ...resultChecks,
  ...cancelChecks,
  ...replayDeleteChecks,
  ...listingChecks,
  ...bulkChecks,
  ...statsChecks,
  ...deliveryChecks,
  ...targetChecks,
  ...fileChecks,
  ...dataChecks,
  ...httpRequestChecks,
  ...testSimulateChecks,
  ...tokenChecks,
  ...queueChecks,
];
