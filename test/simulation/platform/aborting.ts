/**
 * `AbortController` and `AbortSignal` as far as the project uses them. Node's own let the garbage collector decide when
 * a signal made by `any` is forgotten; here nothing is left to it.
 */

type Listener = () => void;

/** WHATWG DOM, section 3.2. */
export class Signal {
  aborted = false;
  reason: unknown = undefined;
  readonly #listeners = new Set<Listener>();

  static any(signals: Signal[]): Signal {
    const combined = new Signal();
    for (const signal of signals) {
      if (signal.aborted) combined.abort(signal.reason);
      else signal.addEventListener("abort", () => combined.abort(signal.reason));
    }
    return combined;
  }

  addEventListener(_type: "abort", listener: Listener): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_type: "abort", listener: Listener): void {
    this.#listeners.delete(listener);
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  /** Once only, as an aborted signal stays so. */
  abort(reason: unknown = new DOMException("This operation was aborted.", "AbortError")): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (const listener of [...this.#listeners]) listener();
  }
}

/** WHATWG DOM, section 3.1. */
export class Controller {
  readonly signal = new Signal();

  abort(reason?: unknown): void {
    this.signal.abort(reason);
  }
}
