/**
 * What this isolate knows of a tenant: asked of the tenant's object, and trusted for five seconds. So a busy key costs a
 * call every few seconds, and a change takes effect everywhere after five.
 *
 * Only answers are shared between requests, never promises: the platform forbids a request to wait for another one's I/O.
 */

import { SECOND } from "../core/time.ts";
import type { Env } from "../env.ts";
import { oncePer } from "../lib/once.ts";
import { withRetry } from "../lib/retry.ts";
import { now } from "../lib/runtime.ts";

const TRUST_MS = 5 * SECOND;

/** From then on one request renews the answer, while the others still use it. */
const RENEW_AFTER_MS = 4 * SECOND;

const ANSWERS_KEPT_MAX = 10_000;

type Known<Answer> = { askedAt: number; answer: Answer; isRenewing: boolean };

/**
 * Remembers answers by name, those that `isKept` wants. The returned function gives the known answer, or asks. It rejects if
 * that fails and what was known before may be outdated.
 */
export function trustedAnswers<Answer>(isKept: (answer: Answer) => boolean = () => true) {
  const knownOf = oncePer((_env: Env) => new Map<string, Known<Answer>>());
  return async (env: Env, name: string, ask: () => Promise<Answer>): Promise<Answer> => {
    const known = knownOf(env);
    const before = known.get(name);
    const age = before ? now() - before.askedAt : TRUST_MS;
    if (before && age < TRUST_MS && (age < RENEW_AFTER_MS || before.isRenewing)) return before.answer;
    if (before) before.isRenewing = true;
    const askedAt = now();
    try {
      const answer = await withRetry(ask);
      if (known.size >= ANSWERS_KEPT_MAX) known.clear();
      if (isKept(answer)) known.set(name, { askedAt, answer, isRenewing: false });
      else known.delete(name);
      return answer;
    } catch (error) {
      if (before) before.isRenewing = false;
      if (before && now() < before.askedAt + TRUST_MS) return before.answer;
      throw error;
    }
  };
}
