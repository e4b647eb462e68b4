/** Behind a proxy that buffers by default: what happens to a job arrives while it happens, in clients and pages. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchBrowser, noBrowser } from "./browser.ts";
import { noNginx, startNginx } from "./nginx.ts";
import { sharedService } from "./service.ts";

/** Long enough for a busy machine to see it running after its third event. */
const LONG = { duration_ms: 15_000, steps: 30 };

/** Reads the stream until it has so many events, and cancels it. */
async function readEvents(url: string, headers: Record<string, string>, count: number): Promise<string> {
  const response = await fetch(url, { headers: { Accept: "text/event-stream", ...headers } });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (text.split("\nevent: ").length <= count) {
    const { value, done } = (await reader?.read()) ?? { value: "", done: true };
    if (done) throw new Error(`The stream ended after: ${text}`);
    text += value;
  }
  await reader?.cancel();
  return text;
}

describe.skipIf(noNginx !== null)("nginx with its default settings", () => {
  const service = sharedService();
  const { acme, keys } = service;

  test.each([
    ["as they are", "", "identity"],
    ["compressed", "gzip on; gzip_types *; gzip_proxied any; gzip_min_length 1;", "gzip"],
  ])("events of a running job, %s → arrive while it runs", async (_how, settings, coding) => {
    const nginx = await startNginx(service.url, settings);
    try {
      const id = await acme.simulate(LONG);
      const headers = { Authorization: `Bearer ${keys.acme.full}`, "Accept-Encoding": coding };
      const text = await readEvents(`${nginx.url}/v1/jobs/${id}/events`, headers, 5);
      expect(text).toContain("event: job.progress");
      expect((await acme.read(id)).status).toBe("running");
      await acme.call("POST", `/v1/jobs/${id}/cancel`);
    } finally {
      await nginx.stop();
    }
  });

  describe.skipIf(noBrowser !== null)("and the dashboard in Chromium", () => {
    let browser: Browser;
    let nginx: Awaited<ReturnType<typeof startNginx>>;
    beforeAll(async () => {
      browser = await launchBrowser();
      nginx = await startNginx(service.url);
    });
    afterAll(async () => {
      await browser?.close();
      await nginx?.stop();
    });

    test("job page: a running job reports → its bar moves while it runs", async () => {
      const id = await acme.simulate(LONG);
      const page = await (await browser.newContext({ baseURL: nginx.url })).newPage();
      await page.goto(`/dashboard/jobs/${id}`);
      await page.getByLabel("API key").fill(keys.acme.full);
      await page.getByRole("button", { name: "Sign in" }).click();
      const percent = async () => Number((await page.locator("#progress").getAttribute("value")) ?? 0);
      const first = await percent();
      await expect.poll(percent, { timeout: 30_000 }).toBeGreaterThan(first + 5);
      expect((await acme.read(id)).status).toBe("running");
      await acme.call("POST", `/v1/jobs/${id}/cancel`);
      await page.locator("h1 .badge", { hasText: "cancelled" }).waitFor();
    });
  });
});
