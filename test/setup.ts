/** Before each test file in workerd: the tables of the database. */

import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";

await applyD1Migrations(env.DATA, env.TEST_MIGRATIONS);
