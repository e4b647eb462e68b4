/** The dashboard as its people use it, in Chromium: what they came for happens, and the page shows it by itself. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";
import { LATER } from "../support/later.ts";
import { noBrowser } from "./browser.ts";
import { useDashboard } from "./dashboard-browser.ts";

/** Large enough, some 40 MB, that an import takes several seconds, in which a bar can be watched moving. */
const CSV_ROWS = 600_000;

function writeCsv(folder: string): string {
  const rows = Array.from(
    { length: CSV_ROWS },
    (_, row) => `${row},customer-${row % 100},${row}.50,${"x".repeat(40)}`,
  );
  const path = join(folder, "orders.csv");
  writeFileSync(path, `id,customer,amount,note\n${rows.join("\n")}\n`);
  return path;
}

const OUTAGE = {
  outcome: "fail",
  kind: "service_unavailable",
  code: "export_source_unavailable",
  message: "The export source is temporarily unavailable.",
};

const status = (page: Page, word: string) => page.locator("h1 .badge", { hasText: word }).waitFor();

/** Keeps every value that the bar shows from now on. */
const WATCH_BAR = `
  const seen = [];
  Object.assign(window, { seen });
  const look = () => {
    const value = document.querySelector("progress")?.getAttribute("value");
    if (value != null && seen.at(-1) !== Number(value)) seen.push(Number(value));
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
`;

/** Puts the window into the background, or back, as far as the page is told. */
const turn = (page: Page, visibility: "hidden" | "visible") =>
  page.evaluate(`
    Object.defineProperty(document, "visibilityState", { value: "${visibility}", configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  `);

const focused = (page: Page) => page.evaluate<string>("document.activeElement?.id");

describe.skipIf(noBrowser !== null)("the dashboard", () => {
  const { service, openWindow, openSignedIn, jobIdIn } = useDashboard();

  /** Resolves when the list has so many jobs of a batch: a new one shows within a second, not at once. */
  async function listed(batch: string, count: number): Promise<void> {
    const ask = () => service.acme.call<unknown[]>("GET", `/v1/jobs?limit=100&metadata[batch]=${batch}`);
    await expect.poll(async () => (await ask()).data.length, { timeout: 15_000 }).toBe(count);
  }
  const folder = mkdtempSync(join(tmpdir(), "accepted-test-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("asks for a key, says when it is wrong, and then shows the page that was asked for", async () => {
    const page = await openWindow();
    await page.goto("/dashboard/jobs?status=failed");
    await page.getByLabel("API key").fill("acpt_wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("This key is not valid.").waitFor();
    await page.getByLabel("API key").fill(service.keys.acme.full);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Jobs", exact: true }).waitFor();
    expect(page.url()).toBe(`${service.url}/dashboard/jobs?status=failed`);
    const [cookie] = await page.context().cookies(`${service.url}/dashboard`);
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict", path: "/dashboard" });
    expect(await page.evaluate("document.cookie")).toBe("");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("API key").waitFor();
    expect(await page.context().cookies(`${service.url}/dashboard`)).toEqual([]);
  });

  test("takes a csv.import by its form, and its bar moves until the result is there, without reloading", async () => {
    const page = await openSignedIn();
    await page.getByRole("link", { name: "Submit a job" }).click();
    await page.getByRole("link", { name: "csv.import" }).click();
    await page.getByLabel("File").setInputFiles(writeCsv(folder));
    await page.getByText("orders.csv, ").waitFor();
    const body = page.getByLabel("Request body");
    await body.fill((await body.inputValue()).replace('"orders"', '"orders-by-form"'));
    await page.locator("#submit").click();
    await page.getByText("The job was accepted.").waitFor();
    const loadedAt = await page.evaluate("performance.timeOrigin");
    await page.evaluate(WATCH_BAR);
    await status(page, "succeeded");
    const seen = await page.evaluate<number[]>("seen");
    expect(new Set(seen).size, `the bar showed ${seen}`).toBeGreaterThanOrEqual(2);
    expect([...seen].sort((a, b) => a - b)).toEqual(seen);
    expect(await page.locator("#result").textContent()).toContain(`"rows_imported": ${CSV_ROWS}`);
    expect(await page.evaluate("performance.timeOrigin")).toBe(loadedAt);
  });

  test("explains a failed job: what happened, what was tried again, and what to tell support", async () => {
    const id = await service.acme.simulate(
      { attempts: [{ ...OUTAGE, retry_after_ms: 0 }] },
      { max_attempts: 2 },
    );
    const { error } = await service.acme.finished(id);
    const page = await openSignedIn("/dashboard/jobs?status=failed");
    await page.locator(`#to-${id}`).click();
    await page.getByRole("heading", { name: OUTAGE.message }).waitFor();
    const attempts = await page.locator(".timeline > li").allTextContents();
    expect(attempts).toHaveLength(2);
    expect(attempts[0]).toContain("It was retried");
    expect(attempts[1]).toContain("It was not retried.");
    expect(await page.locator("#for-support").textContent()).toContain(`Reference: ${error?.reference}`);
    expect(service.logOf(id).map(({ reference }) => reference)).toContain(error?.reference);
  });

  test("shows by itself what others do to a job, says so, and takes neither focus nor what was opened", async () => {
    const id = await service.acme.simulate({ duration_ms: 60_000, steps: 300 });
    const page = await openSignedIn(`/dashboard/jobs/${id}`);
    await status(page, "running");
    await page.locator("#cancel").focus();
    const before = await page.locator("progress").getAttribute("value");
    await page.locator(`progress[value]:not([value="${before}"])`).waitFor();
    expect(await focused(page)).toBe("cancel");
    await service.acme.cancel(id);
    await status(page, "cancelled");
    await page
      .locator("#announcement", { hasText: "Job cancelled, requested." })
      .waitFor({ state: "attached" });
    expect(await page.locator("progress").count()).toBe(0);
  });

  test("follows a job again after its events or its page were refused, and says when it is behind", async () => {
    const id = await service.acme.simulate({ duration_ms: 60_000, steps: 300 });
    const page = await openSignedIn();
    const refusal = { status: 429, contentType: "text/html", body: "" };
    let streams = 0;
    await page.route("**/events?*", (route) => (++streams === 1 ? route.fulfill(refusal) : route.continue()));
    await page.goto(`/dashboard/jobs/${id}`);
    await expect.poll(() => streams, { timeout: 20_000 }).toBeGreaterThan(1);
    const behind = page.getByText("The service cannot be reached.");
    await page.route(`**/jobs/${id}`, (route) => route.fulfill(refusal));
    await behind.waitFor();
    await page.unroute(`**/jobs/${id}`);
    await behind.waitFor({ state: "detached" });
    await service.acme.cancel(id);
    await status(page, "cancelled");
  });

  test("holds no connection while hidden, and then catches up, also when the job was deleted", async () => {
    const [first, second] = [
      await service.acme.simulate({}, { run_at: LATER }),
      await service.acme.simulate({}, { run_at: LATER }),
    ];
    const page = await openSignedIn();
    for (const id of [first, second]) {
      const opened = page.waitForRequest((request) => request.url().includes("/events?"));
      await page.goto(`/dashboard/jobs/${id}`);
      await opened;
      const released = page.waitForEvent("requestfailed", (request) => request.url().includes("/events?"));
      await turn(page, "hidden");
      await released;
      await service.acme.cancel(id);
      if (id === second) await service.acme.call("DELETE", `/v1/jobs/${id}`);
      await turn(page, "visible");
      if (id === first) await status(page, "cancelled");
      else await page.getByText("What this page shows was deleted").waitFor();
    }
  });

  test("keeps the list and the overview up to date, and what was opened open", async () => {
    const page = await openSignedIn();
    await page.locator("#throughput-summary").click();
    const id = await service.acme.simulate({ duration_ms: 20_000 });
    await page.locator(`#row-${id}`).waitFor();
    expect(await page.locator("#throughput-numbers").getAttribute("open")).not.toBeNull();
    await service.acme.cancel(id);
    await page.locator(`#row-${id}`).waitFor({ state: "detached" });
  });

  test("cancels with a reason, replays, and deletes", async () => {
    const page = await openSignedIn(
      `/dashboard/jobs/${await service.acme.simulate({ duration_ms: 60_000 })}`,
    );
    const first = jobIdIn(page);
    await page.getByRole("link", { name: "Cancel…" }).click();
    await page.getByLabel("Reason").fill("Started by mistake.");
    await page.getByRole("button", { name: "Cancel the job" }).click();
    await page.getByText("with the reason “\u2068Started by mistake.\u2069”").waitFor();
    expect((await service.acme.read(first)).cancellation?.reason).toBe("Started by mistake.");

    await page.getByRole("link", { name: "Replay…" }).click();
    await page.getByRole("button", { name: "Replay the job" }).click();
    await page.getByText("This is a new job").waitFor();
    const second = jobIdIn(page);
    expect((await service.acme.read(second)).replayed_from).toBe(first);
    await service.acme.cancel(second);
    await status(page, "cancelled");

    await page.getByRole("link", { name: "Delete…" }).click();
    await page.getByRole("button", { name: "Delete the job" }).click();
    await page.getByText("everything of it was deleted").waitFor();
    await page.goto(`/dashboard/jobs/${second}`);
    await page.getByRole("heading", { name: "Not found" }).waitFor();
  });

  test("filters by its form into the address, and pages there and back", async () => {
    for (let made = 0; made < 25; made++) await service.acme.simulate({}, { metadata: { batch: "pages" } });
    await service.acme.simulate({}, { metadata: { batch: "other" } });
    await listed("pages", 25);
    const page = await openSignedIn("/dashboard/jobs");
    await page.locator("#filter-summary").click();
    await page.getByLabel("test.simulate").check();
    await page.getByLabel("Metadata").fill("batch=pages");
    await page.locator("#apply-filter").click();
    await page.locator("#next-page").waitFor();
    const query = new URL(page.url()).searchParams;
    expect([query.get("type"), query.getAll("metadata")[0]]).toEqual(["test.simulate", "batch=pages"]);
    const rows = () => page.locator("#jobs tbody tr").evaluateAll((found) => found.map(({ id }) => id));
    const first = await rows();
    await page.locator("#next-page").click();
    await page.locator("#first-page").waitFor();
    const second = await rows();
    expect([first.length, second.length]).toEqual([20, 5]);
    expect(new Set([...first, ...second]).size).toBe(25);
    await page.locator("#first-page").click();
    await page.locator("#next-page").waitFor();
    expect(await rows()).toEqual(first);
  });

  test("cancels all that match, after saying how many, and follows the job that does it", async () => {
    for (let made = 0; made < 3; made++)
      await service.acme.simulate({}, { metadata: { batch: "bulk" }, run_at: LATER });
    await listed("bulk", 3);
    const page = await openSignedIn("/dashboard/jobs?metadata=batch%3Dbulk");
    await page.getByRole("link", { name: "Cancel all…" }).click();
    await page.getByRole("button", { name: "Cancel 3 jobs" }).click();
    await page.getByRole("heading", { name: "jobs.bulk" }).waitFor();
    await status(page, "succeeded");
    await page.goto("/dashboard/jobs?metadata=batch%3Dbulk&status=cancelled");
    await expect.poll(() => page.locator("#jobs tbody tr").count(), { timeout: 15_000 }).toBe(3);
  });

  test("submit page: a field is wrong → the error names its pointer; corrected → the job is made", async () => {
    const page = await openSignedIn("/dashboard/submit/test.simulate");
    const body = page.getByLabel("Request body");
    const json = { type: "test.simulate", input: { steps: -1, result: "it's" } };
    await body.fill(JSON.stringify(json));
    await page.locator("#submit").click();
    await page.getByRole("alert").getByText("#/input/steps").click();
    expect(await focused(page)).toBe("body");
    await body.fill(JSON.stringify({ ...json, input: { steps: 1, result: "it's" } }));
    await page.locator("#submit").click();
    await page.getByText("The job was accepted.").waitFor();
    expect((await service.acme.finished(jobIdIn(page))).result).toBe("it's");
  });

  test("shows a reading key no way to act", async () => {
    const id = await service.acme.simulate({ duration_ms: 30_000 });
    const page = await openSignedIn(`/dashboard/jobs/${id}`, "read");
    await page.getByText("read only").waitFor();
    expect(await page.getByRole("button").allTextContents()).toEqual(["Sign out"]);
    expect(await page.getByRole("link", { name: /Cancel|Replay|Delete|Submit/ }).count()).toBe(0);
    await status(page, "running");
    await service.acme.cancel(id);
    await status(page, "cancelled");
  });

  test("says so when the session is over, and leaves the page to be read", async () => {
    const page = await openSignedIn("/dashboard");
    await page.context().clearCookies();
    await page.getByText("Your session is over").waitFor();
    await page.getByRole("heading", { name: "Latest failures" }).waitFor();
    await page.getByRole("link", { name: "Sign in again" }).click();
    await page.getByLabel("API key").waitFor();
  });

  test("opens from a link on another site for who is signed in", async () => {
    const id = await service.acme.simulate({}, { run_at: LATER });
    const page = await openSignedIn();
    await page.goto(`${service.url.replace("localhost", "127.0.0.1")}/v1/health`);
    await page.evaluate(`location.assign("${service.url}/dashboard/jobs/${id}")`);
    await page.getByRole("link", { name: "Cancel…" }).waitFor();
    expect(page.url()).toBe(`${service.url}/dashboard/jobs/${id}`);
  });
});
