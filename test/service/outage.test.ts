/** The service vanishes under open pages of the dashboard: they say so, and go on when it is back. */

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Restartable, startRestartable } from "../../scripts/restartable.ts";
import { LATER } from "../support/later.ts";
import { launchBrowser, noBrowser } from "./browser.ts";
import { type Client, openClient } from "./client.ts";

const WARNING = "The service cannot be reached.";

describe.skipIf(noBrowser !== null)("an open page of the dashboard", () => {
  let service: Restartable;
  let acme: Client;
  let browser: Browser;
  beforeAll(async () => {
    service = await startRestartable({ leaseMs: 2_000, dispatchTimeoutMs: 1_000 });
    acme = openClient(service.url, service.keys.acme.full);
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await service?.discard();
  });

  async function openPage(path: string): Promise<Page> {
    const page = await (await browser.newContext({ baseURL: service.url })).newPage();
    await page.goto(path);
    await page.getByLabel("API key").fill(service.keys.acme.full);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    // The page's script runs: a page whose service ends before cannot warn.
    await page.locator("body.scripted").waitFor();
    return page;
  }

  test("the service is killed → a warning; it is back → the warning goes, and the page follows the job to its end", async () => {
    // It waits for longer than any machine needs to open the pages: a page warns only of what it still waits for.
    const id = await acme.simulate({}, { run_at: LATER });
    const pages = [await openPage(`/dashboard/jobs/${id}`), await openPage("/dashboard")];
    await service.kill();
    for (const page of pages) await page.getByText(WARNING).waitFor();
    await service.restart();
    for (const page of pages) await page.getByText(WARNING).waitFor({ state: "detached" });
    expect((await acme.cancel(id)).status).toBe(200);
    await pages[0]?.locator("h1 .badge", { hasText: "cancelled" }).waitFor({ timeout: 60_000 });
    expect((await acme.read(id)).status).toBe("cancelled");
  });
});
