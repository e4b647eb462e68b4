/** The only clock and the only source of randomness; all other code receives time and randomness as values. */

/** Milliseconds since the epoch. */
export function now(): number {
  return Date.now();
}

/** A number in [0, 1). */
export function random(): number {
  return Math.random();
}

/** A random UUID (RFC 9562, version 4). */
export function uuid(): string {
  return crypto.randomUUID();
}

/** `count` bytes from the system's secure source. */
export function randomBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}

/** Resolves after `ms` milliseconds, or at once when `signal` aborts; never rejects. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}

/** A timer of `ms` milliseconds: `passed` resolves when it is over, unless `stop` was called before. */
export function startTimer(ms: number): { passed: Promise<"passed">; stop: () => void } {
  const { promise: passed, resolve } = Promise.withResolvers<"passed">();
  const timer = setTimeout(() => resolve("passed"), ms);
  return { passed, stop: () => clearTimeout(timer) };
}

/** Calls `act` every `ms` milliseconds until the returned function is called. */
export function repeatEvery(ms: number, act: () => void): () => void {
  const timer = setInterval(act, ms);
  return () => clearInterval(timer);
}
