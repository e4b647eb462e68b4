/** What `env` from "cloudflare:workers" holds in tests. */
declare namespace Cloudflare {
  interface Env extends Omit<import("../src/env.ts").Env, never> {
    /** "true" where the ledger is to be written. */
    COST_WRITE?: string;
  }
  interface GlobalProps {
    mainModule: typeof import("./worker.ts");
  }
}

/** A file's text. */
declare module "*?raw" {
  const text: string;
  export default text;
}
