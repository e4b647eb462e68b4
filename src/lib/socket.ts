/** What both ends of a WebSocket (RFC 6455) share. */

/** Normal closure (section 7.4.1). */
export const NORMAL_CLOSURE = 1000;

/** Policy violation: the client did what it must not. */
export const POLICY_VIOLATION = 1008;

/** The end that closes met a condition that it did not expect. */
export const INTERNAL_ERROR = 1011;

/** Closes it normally. A socket that has failed or is closed already is left as it is. */
export function closeNormally(socket: WebSocket): void {
  try {
    socket.close(NORMAL_CLOSURE);
  } catch {
    // It is gone, which is what was wanted.
  }
}
