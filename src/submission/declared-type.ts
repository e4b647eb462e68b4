/** Types that a tenant declares by API; their code runs in remote workers. */

import { oncePer } from "../lib/once.ts";
import type { DeclaredType } from "../rpc/tenant.ts";
import { valueAt } from "./json-pointer.ts";
import { schemaErrors } from "./json-schema.ts";
import type { InputReading, SubmittableType } from "./type.ts";

/** The type as clients submit it. Made once for each version that an isolate knows. */
export const declaredToSubmittable = oncePer((declared: DeclaredType): SubmittableType => {
  const { type, version, definition } = declared;
  const { limits, worker } = definition;
  const schema = definition.input_schema;
  return {
    type,
    description: definition.description,
    example: definition.example,
    inputSchema: schema,
    limits: {
      maxAttempts: limits.max_attempts,
      attemptTimeoutMs: limits.attempt_timeout_ms,
      heartbeatTimeoutMs: limits.heartbeat_timeout_ms,
      totalTimeoutMs: limits.total_timeout_ms,
      retentionMs: limits.retention_ms,
      leaseMs: limits.lease_ms,
    },
    defaultAttempts: null,
    backoff: {},
    alsoRetry: definition.also_retry,
    dedupeWindowMs: definition.dedupe_window_ms,
    queue: { name: definition.queue ?? type, scope: "tenant" },
    derivesConcurrencyKey: definition.concurrency_key !== null,
    pointers: {
      concurrencyKey: definition.concurrency_key,
      uniqueKey: definition.unique_key,
      resultFile: definition.result_file,
    },
    worker: { mode: worker.mode, wake: worker.wake ?? null },
    builtIn: false,
    version,
    readInput: (input) => readDeclaredInput(definition, input),
    resultFileOf(result) {
      const file = definition.result_file === null ? undefined : valueAt(result, definition.result_file);
      return typeof file === "string" ? file : undefined;
    },
  };
});

function readDeclaredInput(definition: DeclaredType["definition"], input: unknown): InputReading {
  const errors = schemaErrors(definition.input_schema, input);
  if (errors.length > 0) return { ok: false, errors };
  const { unique_key, concurrency_key } = definition;
  const uniqueKey =
    unique_key === null ? null : JSON.stringify(unique_key.map((pointer) => valueAt(input, pointer) ?? null));
  return {
    ok: true,
    uniqueKey,
    concurrencyKey: concurrency_key === null ? null : keyText(valueAt(input, concurrency_key)),
  };
}

/** A key is a text; what has none has no key. */
function keyText(value: unknown): string | null {
  if (typeof value === "string") return value === "" ? null : value.slice(0, 200);
  return typeof value === "number" ? String(value) : null;
}
