/** The first page, the problem pages and the API reference in Chromium: they work, by the rules of axe and of their own policy. */

import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { axeViolations, noBrowser, overflowOf } from "./browser.ts";
import { useDashboard } from "./dashboard-browser.ts";
import { sharedService } from "./service.ts";

/** The narrowest screen that is promised to do (WCAG 2.2, 1.4.10). */
const PHONE = { width: 320, height: 640 };
const DESKTOP = { width: 1280, height: 900 };
const kinds = [
  ["light", "desktop", DESKTOP],
  ["dark", "phone", PHONE],
] as const;

/** What axe finds, and whether the page has to be scrolled sideways. */
async function violationsOf(page: Page): Promise<string[]> {
  const found = await axeViolations(page);
  const overflow = await overflowOf(page);
  return overflow > 0 ? [...found, `too wide by ${overflow} pixels`] : found;
}

const operation = (page: Page, id: string) => page.locator(`[id$="-${id}"].opblock`);

/** Opens an operation of the reference, ready to be tried. */
async function open(page: Page, id: string) {
  const block = operation(page, id);
  await block.locator(".opblock-summary-control").click();
  await block.getByRole("button", { name: "Try it out" }).click();
  return block;
}

async function openReference(page: Page, key?: string): Promise<void> {
  await page.goto("/docs");
  await operation(page, "submitJob").waitFor();
  if (key === undefined) return;
  await page.getByRole("button", { name: "Authorize", exact: true }).click();
  await giveKey(page, key);
}

/** Fills in the dialog that is open. */
async function giveKey(page: Page, key: string): Promise<void> {
  const dialog = page.getByRole("dialog");
  await dialog.locator("input").fill(key);
  await dialog.getByRole("button", { name: "Apply credentials" }).click();
  await dialog.getByRole("button", { name: "Close" }).last().click();
}

type Block = Awaited<ReturnType<typeof open>>;

/** Sends the request; answers the status and the body that the page then shows. */
async function execute(block: Block): Promise<{ status: string; body: string }> {
  await block.getByRole("button", { name: "Execute", exact: true }).click();
  const row = block.locator(".live-responses-table tbody tr").first();
  const status = await row.locator(".response-col_status").textContent();
  return { status: status?.trim() ?? "", body: (await row.locator("pre").first().textContent()) ?? "" };
}

describe.skipIf(noBrowser !== null)("in a browser", () => {
  const { service, openWindow } = useDashboard();

  test.each(kinds)(
    "the pages have no fault that axe knows, in %s on a %s",
    async (colorScheme, _, viewport) => {
      const page = await openWindow({ colorScheme, viewport });
      for (const path of ["/", "/problems/duplicate_job", "/problems/internal_error"]) {
        await page.goto(path);
        expect(await violationsOf(page), path).toEqual([]);
      }
    },
  );

  test.each(kinds)(
    "nor has the reference, however it is used, in %s on a %s",
    async (colorScheme, _, viewport) => {
      const page = await openWindow({ colorScheme, viewport });
      await openReference(page);
      await page.getByRole("button", { name: "Authorize", exact: true }).click();
      expect(await axeViolations(page, { within: "[role=dialog]" })).toEqual([]);
      await giveKey(page, service.keys.acme.full);
      const block = await open(page, "submitJob");
      expect((await execute(block)).status).toBe("202");
      await block.getByRole("tab", { name: "Schema" }).first().click();
      await open(page, "listJobs");
      await open(page, "uploadFile");
      // The operations that are closed are all alike: those of one tag do.
      const alike = '.opblock-tag-section:not(:has([data-tag="Jobs"])) .opblock:not(.is-open)';
      expect(await axeViolations(page, { without: alike })).toEqual([]);
      expect(await overflowOf(page)).toBeLessThanOrEqual(0);
    },
  );

  test("the reference submits a job with the key it was given, and reads it", async () => {
    const page = await openWindow();
    await openReference(page, service.keys.acme.full);
    const block = await open(page, "submitJob");
    const { status, body } = await execute(block);
    expect(status).toBe("202");
    const { id } = JSON.parse(body).data;
    expect(await service.acme.read(id)).toMatchObject({ type: "test.simulate" });

    const reading = await open(page, "getJob");
    await reading.getByLabel("id", { exact: true }).fill(id);
    await reading.getByLabel("Prefer").fill("wait=1");
    const read = await execute(reading);
    expect(read.status).toBe("200");
    expect(JSON.parse(read.body).data.id).toBe(id);
  });

  test("it uploads a file as it is", async () => {
    const page = await openWindow();
    await openReference(page, service.keys.acme.full);
    const block = await open(page, "uploadFile");
    const text = "id,name\n1,Ädah\n";
    const file = { name: "people.csv", mimeType: "text/csv", buffer: Buffer.from(text) };
    await block.getByLabel("Request body").setInputFiles(file);
    const { status, body } = await execute(block);
    expect(status).toBe("201");
    const stored = JSON.parse(body).data;
    expect(stored.content_type).toBe("text/csv");
    expect((await service.acme.call("GET", `/v1/files/${stored.id}`)).text).toBe(text);
  });

  test("it keeps no key: without one the answer is 401, also after one was given and the page left", async () => {
    const page = await openWindow();
    await openReference(page, service.keys.acme.full);
    await openReference(page);
    expect((await execute(await open(page, "submitJob"))).status).toBe("401");
    expect(await page.evaluate<number>("localStorage.length + sessionStorage.length")).toBe(0);
  });

  test("it opens the operation that the address names", async () => {
    const page = await openWindow();
    await page.goto("/docs#/Jobs/cancelJob");
    await operation(page, "cancelJob").getByRole("button", { name: "Try it out" }).waitFor();
  });

  test("it says so when the document cannot be loaded", async () => {
    const page = await openWindow();
    await page.route("**/openapi.json", (route) => route.fulfill({ status: 404, body: "" }));
    await page.goto("/docs");
    await page.getByRole("alert").getByText("could not be loaded").waitFor();
  });

  test("without scripts there is a table of the operations", async () => {
    const page = await openWindow({ javaScriptEnabled: false });
    await page.goto("/docs");
    await page.getByRole("cell", { name: "POST /v1/jobs", exact: true }).waitFor();
  });

  test("nothing is fetched from elsewhere", async () => {
    const page = await openWindow();
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.goto("/");
    await openReference(page);
    expect(asked.length).toBeGreaterThan(4);
    expect(asked.filter((url) => !url.startsWith(service.url) && !url.startsWith("data:"))).toEqual([]);
  });
});

describe("the assets", () => {
  const service = sharedService();
  const asset = (name: string, init: RequestInit = {}) => fetch(`${service.url}/assets/${name}`, init);

  test("carry their type and an ETag, and what has not changed is not sent again", async () => {
    for (const [name, type] of [
      ["site/base.css", "text/css; charset=utf-8"],
      ["site/docs.js", "text/javascript; charset=utf-8"],
      ["site/icon.svg", "image/svg+xml"],
    ] as const) {
      const { status, headers } = await asset(name);
      expect([status, headers.get("Content-Type")]).toEqual([200, type]);
      expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
      const etag = headers.get("ETag") ?? "";
      expect((await asset(name, { headers: { "If-None-Match": etag } })).status).toBe(304);
    }
  });

  test("are only what was built: neither sources nor the folder, and nothing else is looked up among them", async () => {
    for (const name of ["site/docs.ts", "pages/", "", "none.css", "..%2F_headers"]) {
      expect((await asset(name)).status, name).toBe(404);
    }
    const headers = await fetch(`${service.url}/_headers`);
    expect([headers.status, headers.headers.get("Content-Type")]).toEqual([404, "application/problem+json"]);
  });
});
