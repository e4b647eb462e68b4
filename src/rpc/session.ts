/** The calls of a session object. It holds the secret that a dashboard session's cookie is encrypted with. */

import type { Env } from "../env.ts";
import { objectsOf } from "./location.ts";

export type SessionApi = {
  /** Begins the session and returns its secret: 32 random bytes, kept until `endsAt` (epoch milliseconds). */
  begin(endsAt: number): Promise<Uint8Array>;
  /** The secret; null once the session is over. Writes nothing. */
  secret(): Promise<Uint8Array | null>;
  /** Forgets the secret, so no copy of the cookie can be read again. May be repeated. */
  end(): Promise<void>;
};

/** An id that no session has had. */
export function newSessionId(env: Env): string {
  return objectsOf(env, "SESSIONS").newUniqueId().toString();
}

/** A fresh stub of the session's object; null for an id that this deployment did not make. */
export function sessionObject(env: Env, id: string): SessionApi | null {
  const sessions = objectsOf(env, "SESSIONS");
  try {
    return sessions.get(sessions.idFromString(id)) as unknown as SessionApi;
  } catch {
    return null;
  }
}
