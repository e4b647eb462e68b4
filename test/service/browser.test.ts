/** Chromium's own EventSource follows a job: it resumes where it was cut off, and stops at the end. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { EventView } from "../../src/rpc/views.ts";
import { launchBrowser, noBrowser, startProxy } from "./browser.ts";
import { sharedService } from "./service.ts";
import { FINAL, isStored } from "./subscribers.ts";

const WAIT = { timeout: 40_000, interval: 50 };

/** Follows the job that the address names after its #; `heard` and `source` are for the test to look at. */
const PAGE = `<!doctype html><title>Follow</title><script>
  const heard = [];
  const source = new EventSource("/v1/jobs/" + location.hash.slice(1) + "/events");
  const types = "queued started progress log attempt_failed continued succeeded failed cancelled".split(" ");
  for (const type of types)
    source.addEventListener("job." + type, ({ data, lastEventId }) =>
      heard.push({ event: JSON.parse(data), lastEventId }));
</script>`;

type Heard = { event: EventView; lastEventId: string };

describe.skipIf(noBrowser !== null)("Chromium's EventSource", () => {
  const service = sharedService();
  let browser: Browser;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  beforeAll(async () => {
    browser = await launchBrowser();
    proxy = await startProxy(service.url, service.keys.acme.full, PAGE);
  });
  afterAll(async () => {
    proxy?.stop();
    await browser?.close();
  });

  test("resumes without gap or repeat when the connection is cut, and ends at 204", async () => {
    const { acme } = service;
    const id = await acme.simulate({ duration_ms: 5_000, steps: 20 });
    const page = await browser.newPage();
    await page.goto(`${proxy.url}/#${id}`);
    const heard = () => page.evaluate<Heard[]>("heard");
    await vi.waitFor(async () => expect((await heard()).length).toBeGreaterThan(3), WAIT);
    proxy.cut();
    await vi.waitFor(async () => expect(await page.evaluate("source.readyState")).toBe(2), WAIT);

    const all = await heard();
    const stored = all.filter(({ event }) => isStored(event));
    expect(new Set(all.filter((one) => !stored.includes(one)).map(({ event }) => event.type))).toEqual(
      new Set(["job.progress"]),
    );
    const events = stored.map(({ event }) => event);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.filter(({ type }) => FINAL.includes(type))).toEqual([events.at(-1)]);
    expect(events).toEqual(await acme.events(id));
    expect(stored.map(({ lastEventId }) => Number(lastEventId))).toEqual(events.map(({ seq }) => seq));
    const [first, second, last] = proxy.passed;
    expect(first).toEqual({ lastEventId: null, status: 200 });
    expect(second).toEqual({ lastEventId: expect.stringMatching(/^\d+$/), status: 200 });
    expect(last).toEqual({ lastEventId: String(events.length), status: 204 });
    expect(proxy.passed).toHaveLength(3);
  });
});
