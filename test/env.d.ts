/** What `env` from "cloudflare:workers" holds in tests. */
declare namespace Cloudflare {
  interface Env extends Omit<import("../src/env.ts").Env, never> {
    TEST_MIGRATIONS: import("cloudflare:test").D1Migration[];
  }
  interface GlobalProps {
    mainModule: typeof import("./worker.ts");
  }
}
