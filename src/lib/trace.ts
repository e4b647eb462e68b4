/** W3C Trace Context, as far as logs need it. */

/** The trace a `traceparent` belongs to: 32 hexadecimal characters (section 3.2.2.3). */
export function traceIdOf(traceparent: string): string | undefined {
  return traceparent.split("-")[1];
}
