import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { localWebhookSecret } from "./scripts/local-keys.ts";
import { testApiKeys } from "./test/support/keys.ts";

/** Pure tests in Node, those of the Worker inside workerd, the ledger of what jobs cost, and those from outside. */
export default defineConfig({
  test: {
    silent: "passed-only",
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
        },
      },
      {
        plugins: [
          cloudflareTest({
            main: "./test/worker.ts",
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                TEST_MIGRATIONS: await readD1Migrations("./migrations"),
                LOCAL_QUEUE: "true",
                API_KEYS: await testApiKeys(),
                WEBHOOK_SECRET: await localWebhookSecret(),
              },
            },
          }),
        ],
        test: {
          name: "worker",
          include: [
            "test/{api,objects,job-types,runner,files,datasets,webhooks,site,dashboard}/**/*.test.ts",
          ],
          setupFiles: ["./test/setup.ts"],
        },
      },
      {
        plugins: [
          cloudflareTest({
            main: "./test/cost/worker.ts",
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                TEST_MIGRATIONS: await readD1Migrations("./migrations"),
                COST_WRITE: process.env.COST_WRITE ?? "false",
              },
            },
          }),
        ],
        test: {
          name: "cost",
          include: ["test/cost/**/*.test.ts"],
          setupFiles: ["./test/setup.ts"],
          testTimeout: 60_000,
        },
      },
      { test: { name: "simulation", include: ["test/simulation/**/*.test.ts"], testTimeout: 300_000 } },
      {
        test: {
          name: "service",
          include: ["test/service/**/*.test.ts"],
          globalSetup: ["./test/service/setup.ts"],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
