/** The dashboard in a real browser: windows of several kinds, signed in, watched for whatever goes wrong unseen. */

import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { launchBrowser } from "./browser.ts";
import { useOwnService } from "./service.ts";

/** A page that answers with an error status says so in the console, too; that is no fault of it. */
const EXPECTED = /Failed to load resource: the server responded with a status of 4\d\d/;

/** A service and a browser for the tests of this file. After each test its windows are closed, and none may have erred. */
export function useDashboard() {
  const service = useOwnService();
  let browser: Browser;
  const faults: string[] = [];
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()));
    expect(faults.splice(0)).toEqual([]);
  });
  afterAll(() => browser?.close());

  /** An empty window. Script faults, console errors and refusals of the Content-Security-Policy count as faults. */
  async function openWindow(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({ baseURL: service.url, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    page.on("pageerror", (error) => faults.push(`${page.url()}: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error" && !EXPECTED.test(message.text()))
        faults.push(`${page.url()}: ${message.text()}`);
    });
    return page;
  }

  /** A window of a person who has signed in with this key of acme and looks at `path`. */
  async function openSignedIn(
    path = "/dashboard",
    key: "full" | "read" = "full",
    options: BrowserContextOptions = {},
  ): Promise<Page> {
    const page = await openWindow(options);
    await page.goto(path);
    await page.getByLabel("API key").fill(service.keys.acme[key]);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    return page;
  }

  return {
    service,
    openWindow,
    openSignedIn,
    /** The id of the job whose page is shown. */
    jobIdIn: (page: Page): string =>
      /\/jobs\/(job_\w+)/.exec(page.url())?.[1] ?? expect.fail(`no job: ${page.url()}`),
  };
}
