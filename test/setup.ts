/** Before each test file in workerd: the tables of the database. */

import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { env } from "cloudflare:workers";

const { DATA, TEST_MIGRATIONS } = env as unknown as { DATA: D1Database; TEST_MIGRATIONS: D1Migration[] };

await applyD1Migrations(DATA, TEST_MIGRATIONS);
