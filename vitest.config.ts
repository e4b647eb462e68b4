import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { testSecrets } from "./test/support/keys.ts";

/** A test that waits for the machine is no slow test: a busy laptop may take long for anything. */
const TEST_TIMEOUT_MS = 30_000;

/** Tests that time what a service does; beside them nothing else runs. */
const timed = ["subscribe", "webhooks"].map((name) => `test/service/${name}.test.ts`);

/**
 * Pure tests in Node, those of the Worker inside workerd, the ledger of what jobs cost, and those from outside. Groups
 * run one after another, so that what a browser or a client waits for does not compete with what only computes.
 */
export default defineConfig({
  test: {
    silent: "passed-only",
    // A number: a percentage would be capped at the number of cores.
    maxWorkers: 4,
    projects: [
      {
        test: {
          name: "core",
          include: [
            "test/core/**/*.test.ts",
            "test/lib/**/*.test.ts",
            "test/source.test.ts",
            "test/check.test.ts",
            "test/openapi*.test.ts",
          ],
          testTimeout: TEST_TIMEOUT_MS,
          isolate: false,
        },
      },
      {
        plugins: [
          cloudflareTest({
            main: "./test/worker.ts",
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                LOCAL_QUEUE: "true",
                ...(await testSecrets()).variables,
              },
            },
          }),
        ],
        test: {
          name: "worker",
          include: [
            "test/{api,objects,job-types,runner,files,datasets,tenants,webhooks,site,dashboard}/**/*.test.ts",
          ],
          setupFiles: ["./test/support/tenants.setup.ts"],
          testTimeout: TEST_TIMEOUT_MS,
        },
      },
      {
        plugins: [
          cloudflareTest({
            main: "./test/cost/worker.ts",
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                ...(await testSecrets()).variables,
                COST_WRITE: process.env.COST_WRITE ?? "false",
              },
            },
          }),
        ],
        test: {
          name: "cost",
          include: ["test/cost/**/*.test.ts"],
          testTimeout: 60_000,
        },
      },
      { test: { name: "simulation", include: ["test/simulation/**/*.test.ts"], testTimeout: 300_000 } },
      {
        test: {
          name: "service",
          include: ["test/service/**/*.test.ts"],
          exclude: timed,
          globalSetup: ["./test/service/setup.ts"],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "timed",
          include: timed,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
