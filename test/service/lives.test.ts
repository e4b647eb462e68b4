/** Random lives of keys over HTTP: no identifier is ever shown for two jobs. `npm run lives` plays many more. */

import { expect, test } from "vitest";
import { openOwners } from "../../scripts/lives/owners.ts";
import { playLives } from "../../scripts/lives/play.ts";
import { sharedService } from "./service.ts";

test("keys: 150 lives of 10 keys → no identifier names two jobs, and none of a deleted job has an effect", async () => {
  const { url, keys } = sharedService();
  const report = await playLives({ url, key: keys.acme.full, lives: 150, keys: 10, seed: 7 });
  expect(report.faults).toEqual([]);
  expect(report.jobs).toBeGreaterThanOrEqual(150);
  expect(report.identifiers).toBeGreaterThan(report.jobs);
});

test("owners: an identifier is shown for a second job, or a job is made again → a fault each", () => {
  const owners = openOwners();
  owners.enterNew("job_a");
  owners.enter("reference", "ref_1", "job_a");
  owners.enter("reference", "ref_1", "job_a");
  expect(owners.faults).toEqual([]);
  owners.enter("reference", "ref_1", "job_b");
  owners.enterNew("job_a");
  expect(owners.faults).toEqual(["reference ref_1 is of job_a and of job_b", "job job_a was made twice"]);
});
