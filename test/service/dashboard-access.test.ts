/** The dashboard for everybody: without scripts, by keyboard alone, on a narrow screen, and by the rules of axe. */

import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { axeViolations, noBrowser, overflowOf } from "./browser.ts";
import { useDashboard } from "./dashboard-browser.ts";

const FAILURE = { outcome: "fail", kind: "rate_limited", message: "The bank asked for fewer requests." };

/** The narrowest screen that is promised to do (WCAG 2.2, 1.4.10). */
const PHONE = { width: 320, height: 640 };
const DESKTOP = { width: 1280, height: 900 };

describe.skipIf(noBrowser !== null)("the dashboard", () => {
  const { service, openWindow, openSignedIn, jobIdIn } = useDashboard();
  const jobs = { failed: "", running: "", succeeded: "", waiting: "" };

  beforeAll(async () => {
    const { acme } = service;
    const long = { metadata: { note: "a-very-long-word-without-any-place-to-break-it".repeat(5) } };
    const file = await acme.call<{ id: string }>("POST", "/v1/files", "a,b\n1,2\n", {
      "Content-Type": "text/csv",
    });
    jobs.failed = await acme.simulate(
      { attempts: [{ ...FAILURE, retry_after_ms: 0 }] },
      { max_attempts: 2, ...long },
    );
    jobs.running = await acme.simulate({ duration_ms: 600_000, steps: 1000 });
    jobs.waiting = await acme.simulate({ attempts: [{ ...FAILURE, retry_after_ms: 600_000 }] });
    const webhook = { url: `${service.url.replace(/\d+$/, "9")}/hook` };
    jobs.succeeded = await acme.simulate({ result: { file: file.data.id } }, { webhook });
    await acme.finished(jobs.failed);
    await acme.finished(jobs.succeeded);
  });

  const pages = () => [
    "/dashboard",
    "/dashboard?period=7d&type=test.simulate",
    "/dashboard/jobs",
    "/dashboard/jobs?status=failed&metadata=oops",
    "/dashboard/jobs?metadata=a%3Dnothing",
    ...Object.values(jobs).map((id) => `/dashboard/jobs/${id}`),
    `/dashboard/jobs/${jobs.running}/cancel`,
    "/dashboard/submit",
    "/dashboard/submit/test.simulate",
    "/dashboard/submit/csv.import",
    "/dashboard/keys",
    "/dashboard/bulk?action=delete&status=failed",
    "/dashboard/nowhere",
  ];

  /** What axe finds on the page with everything on it opened. */
  async function violations(page: Page): Promise<string[]> {
    // A page without its style sheet has other colours.
    await page.waitForLoadState("load");
    await page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true");
    return axeViolations(page);
  }

  test.each([
    ["light", "desktop", DESKTOP],
    ["dark", "phone", PHONE],
  ] as const)(
    "every page in %s on a %s → axe finds nothing, nothing is too wide",
    async (colorScheme, _screen, viewport) => {
      const found: string[] = [];
      const page = await openSignedIn("/dashboard", "full", { colorScheme, viewport });
      for (const path of pages()) {
        await page.goto(path);
        found.push(...(await violations(page)));
        const overflow = await overflowOf(page);
        if (overflow > 0) found.push(`${path} is too wide by ${overflow} pixels`);
      }
      await page.goto("/dashboard/submit/test.simulate");
      await page.getByLabel("Request body").fill('{"type":"test.simulate","input":{"steps":-1}}');
      await page.locator("#submit").click();
      await page.getByRole("alert").waitFor();
      found.push(...(await violations(page)));
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByLabel("API key").fill("wrong");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("alert").waitFor();
      found.push(...(await violations(page)));
      expect(found).toEqual([]);
    },
  );

  test("works without scripts: signing in, submitting, reading, cancelling", async () => {
    const page = await openWindow({ javaScriptEnabled: false });
    await page.goto("/dashboard/submit/test.simulate");
    await page.getByLabel("API key").fill(service.keys.acme.full);
    await page.getByRole("button", { name: "Sign in" }).click();
    const json = { type: "test.simulate", input: { duration_ms: 60_000, attempts: [{ outcome: "hang" }] } };
    await page.getByLabel("Request body").fill(JSON.stringify(json));
    await page.getByRole("button", { name: "show the command" }).click();
    await page.locator("#curl", { hasText: '"outcome":"hang"' }).waitFor();
    await page.locator("#submit").click();
    await page.getByText("The job was accepted.").waitFor();
    await page.getByRole("link", { name: "Cancel…" }).click();
    await page.getByLabel("Reason").fill("Enough.");
    await page.getByRole("button", { name: "Cancel the job" }).click();
    await page.getByText("with the reason “\u2068Enough.\u2069”").waitFor();
    expect((await service.acme.read(jobIdIn(page))).status).toBe("cancelled");
    await page.getByRole("link", { name: "Jobs", exact: true }).click();
    await page.getByRole("heading", { name: "Jobs", exact: true }).waitFor();
  });

  test("stores a file from its form without scripts", async () => {
    const page = await openSignedIn("/dashboard/submit/csv.import", "full");
    const cookies = await page.context().cookies(`${service.url}/dashboard`);
    const plain = await openWindow({ javaScriptEnabled: false, storageState: { cookies, origins: [] } });
    await plain.goto("/dashboard/submit/csv.import");
    const file = { name: "a.csv", mimeType: "text/csv", buffer: Buffer.from("id\n1\n2\n") };
    await plain.getByLabel("File").setInputFiles(file);
    const body = plain.getByLabel("Request body");
    await body.fill((await body.inputValue()).replace('"orders"', '"without-scripts"'));
    await plain.locator("#submit").click();
    await plain.getByText("The job was accepted.").waitFor();
    expect((await service.acme.finished(jobIdIn(plain))).result).toMatchObject({ rows_imported: 2 });
  });

  test("is used by keyboard alone, from signing in to a cancelled job", async () => {
    const page = await openWindow();
    await page.goto("/dashboard");
    const reached = () =>
      page.evaluate<string[]>("[document.activeElement.id, document.activeElement.textContent.trim()]");
    /** Goes on to the control that says so, as a person does who cannot point. */
    async function tabTo(words: string): Promise<void> {
      for (let steps = 0; steps < 80; steps++) {
        await page.keyboard.press("Tab");
        if ((await reached()).includes(words)) return;
      }
      expect.fail(`${words} is not reached by Tab`);
    }
    expect(await reached()).toContain("key");
    await page.keyboard.type(service.keys.acme.full);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await page.keyboard.press("Tab");
    expect(await reached()).toContain("Skip to the content");
    await page.keyboard.press("Enter");
    await tabTo("Submit a job");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Submit a job" }).waitFor();
    await tabTo("test.simulate");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Submit test.simulate" }).waitFor();
    await tabTo("body");
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.type('{"type":"test.simulate","input":{"duration_ms":60000}}');
    await tabTo("submit");
    await page.keyboard.press("Enter");
    await page.getByText("The job was accepted.").waitFor();
    await tabTo("Cancel…");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Cancel the job" }).waitFor();
    await tabTo("reason");
    await page.keyboard.type("By keyboard.");
    await page.keyboard.press("Enter");
    await page.getByText("with the reason “\u2068By keyboard.\u2069”").waitFor();
    expect((await service.acme.read(jobIdIn(page))).status).toBe("cancelled");
  });
});
