/** Pages of other origins, in Chromium: with a key they read what the contract gives a meaning, without one nothing. */

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LATER } from "../support/later.ts";
import { launchBrowser, noBrowser, startProxy } from "./browser.ts";
import { sharedService } from "./service.ts";

type Seen = { status: number; headers: Record<string, string>; text: string };

describe.skipIf(noBrowser !== null)("a page of another origin", () => {
  const service = sharedService();
  const { acme, keys } = service;
  let browser: Browser;
  let site: Awaited<ReturnType<typeof startProxy>>;
  let page: Page;
  beforeAll(async () => {
    browser = await launchBrowser();
    site = await startProxy(service.url, "", "<!doctype html><title>Another site</title>");
    page = await (await browser.newContext()).newPage();
    await page.goto(site.url);
  });
  afterAll(async () => {
    await browser?.close();
    site?.stop();
  });

  /** What a script of that page sees of an answer; null if the browser gives it none. */
  function see(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: string,
  ): Promise<Seen | null> {
    const given = JSON.stringify([`${service.url}${path}`, { method, headers, body }]);
    return page.evaluate(`fetch(...${given}).then(
      async (answer) => ({ status: answer.status, headers: Object.fromEntries(answer.headers), text: await answer.text() }),
      () => null,
    )`);
  }
  const withKey = { Authorization: `Bearer ${keys.acme.full}` };
  const bearer = (token: string, type?: string) => ({
    Authorization: `Bearer ${token}`,
    ...(type && { "Content-Type": type }),
  });

  test("answers to its key → it reads every header that the contract gives a meaning", async () => {
    const json = { ...withKey, "Content-Type": "application/json" };
    const request = JSON.stringify({ type: "test.simulate", input: { duration_ms: 1 } });
    const keyed = { ...json, "Idempotency-Key": crypto.randomUUID(), Prefer: "wait=20" };
    const first = await see("POST", "/v1/jobs", keyed, request);
    const again = await see("POST", "/v1/jobs", keyed, request);
    const parked = await see(
      "POST",
      "/v1/jobs",
      json,
      JSON.stringify({ type: "test.simulate", input: {}, run_at: LATER }),
    );
    const file = await see("POST", "/v1/files", { ...withKey, "Content-Type": "text/plain" }, "0123456789");
    const part = await see("GET", file?.headers.location ?? "", { ...withKey, Range: "bytes=2-4" });
    const method = await see("PUT", "/v1/jobs", withKey);
    const unknown = await see("GET", "/v1/jobs");
    expect([first, again, parked, file, part, method, unknown].map((seen) => seen?.status)).toEqual([
      200, 200, 202, 201, 206, 405, 401,
    ]);
    expect(first?.headers).toMatchObject({
      location: expect.any(String),
      "content-location": expect.any(String),
      link: expect.any(String),
      etag: expect.any(String),
      "preference-applied": "wait=20",
      "request-id": expect.any(String),
    });
    expect(again?.headers).toMatchObject({ "idempotent-replayed": "true" });
    expect(parked?.headers).toMatchObject({ "retry-after": expect.any(String) });
    expect(part?.headers).toMatchObject({ "accept-ranges": "bytes", "content-range": "bytes 2-4/10" });
    const nextPage = async () => (await see("GET", "/v1/jobs?limit=1", withKey))?.headers.link;
    await expect.poll(nextPage, { timeout: 10_000 }).toContain('rel="next"');
    expect(method?.headers).toMatchObject({ allow: expect.any(String), "request-id": expect.any(String) });
    expect(unknown?.headers).toMatchObject({ "www-authenticate": "Bearer" });
  });

  test("two tokens, no key → it uploads a file, follows its job by EventSource, and cancels it", async () => {
    type Made = { token: string; links: { events: string } };
    const upload = await acme.call<Made>("POST", "/v1/upload-tokens", { max_size: 100 });
    const file = await see("POST", "/v1/files", bearer(upload.data.token, "text/csv"), "a,b\n1,2\n");
    expect(file?.status).toBe(201);
    const again = await see("POST", "/v1/files", bearer(upload.data.token, "text/csv"), "a,b\n1,2\n");
    expect([again?.status, JSON.parse(again?.text ?? "{}").code]).toEqual([401, "token_expired"]);

    const id = await acme.submit({ type: "test.simulate", input: { duration_ms: 60_000 } });
    const { data } = await acme.call<Made>("POST", `/v1/jobs/${id}/tokens`, { allow: ["events", "cancel"] });
    await page.evaluate(`{
      window.types = [];
      window.source = new EventSource(${JSON.stringify(service.url + data.links.events)});
      for (const type of ["job.started", "job.cancelled"])
        source.addEventListener(type, ({ type }) => types.push(type));
    }`);
    await expect.poll(() => page.evaluate("types"), { timeout: 20_000 }).toEqual(["job.started"]);
    const cancelled = await see("POST", `/v1/jobs/${id}/cancel`, bearer(data.token));
    expect(cancelled?.status).toBe(200);
    await expect
      .poll(() => page.evaluate("types"), { timeout: 20_000 })
      .toEqual(["job.started", "job.cancelled"]);
    expect((await see("GET", `/v1/jobs/${id}`, bearer(data.token)))?.status).toBe(403);
    for (const { token } of [upload.data, data])
      expect(JSON.stringify(service.logOf(id))).not.toContain(token);
  });

  test("the dashboard of a person who is signed in → it reads and sends nothing", async () => {
    const id = await acme.submit({ type: "test.simulate", input: {}, run_at: LATER });
    const own = await page.context().newPage();
    await own.goto(`${service.url}/dashboard`);
    await own.getByLabel("API key").fill(keys.acme.full);
    await own.getByRole("button", { name: "Sign in" }).click();
    await own.getByRole("button", { name: "Sign out" }).waitFor();
    expect(await see("GET", "/dashboard")).toBeNull();
    expect(
      await see("POST", `/dashboard/jobs/${id}/cancel`, { "Content-Type": "text/plain" }, ""),
    ).toBeNull();
    expect((await acme.read(id)).status).toBe("queued");
  });

  test("an uploaded script → no page runs it, the dashboard included", async () => {
    const { data } = await acme.call<{ id: string }>("POST", "/v1/files", "window.ran = true", {
      "Content-Type": "text/javascript",
    });
    const own = await page.context().newPage();
    await own.goto(`${service.url}/dashboard`);
    await own.evaluate(`new Promise((resolve) => {
      const script = document.createElement("script");
      script.onload = script.onerror = resolve;
      script.src = "/dashboard/files/${data.id}";
      document.body.append(script);
    })`);
    expect(await own.evaluate("window.ran")).toBeUndefined();
    expect((await fetch(`${service.url}/v1/files/${data.id}`, { headers: withKey })).status).toBe(200);
  });
});
