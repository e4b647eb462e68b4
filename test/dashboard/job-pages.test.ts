/** The page of a job and what can be done on it, as a browser without scripts meets them. */

import { describe, expect, test } from "vitest";
import { call, finished, jobNow, submit } from "../support/http.ts";
import { jobsWith } from "../support/job-namespace.ts";
import { LATER } from "../support/later.ts";
import { cookieOf, fieldsOf, noticeOf, open, send, signIn, words } from "./visit.ts";

const FAIL = {
  outcome: "fail",
  kind: "service_unavailable",
  code: "source_unavailable",
  message: "The source is away.",
};

/** The binding of the job objects, whose method of this name fails. */
const lacking = (method: string) =>
  jobsWith(() => ({ [method]: () => Promise.reject(new Error("not now")) }));

describe("the page of a job", () => {
  test("that failed says what happened, what was tried again, and what to tell support", async () => {
    const input = { attempts: [{ ...FAIL, retry_after_ms: 0 }] };
    const { job } = await submit({ max_attempts: 2, input, metadata: { customer: "42" } }, { as: "acme" });
    const { error } = await finished(job.id);
    const page = await open(`/dashboard/jobs/${job.id}`, { cookie: await signIn("acme") });
    const text = words(page.text);
    expect(text).toContain(
      "Each of its 2 attempts failed for a reason that may pass, and no more are allowed.",
    );
    expect(text).toMatch(
      /Attempt 1 failed Began .* The source is away\. source_unavailable .* It was retried at/,
    );
    expect(text).toMatch(/Attempt 2 failed Began .* It was not retried\./);
    expect(text).toContain(`Reference: ${error?.reference}`);
    expect(text).toContain("customer 42");
    expect(page.text).not.toContain("<progress");
  });

  test("whose code threw shows no word of the exception", async () => {
    const { job } = await submit(
      { input: { attempts: [{ outcome: "crash", message: "hunter2" }] } },
      { as: "acme" },
    );
    await finished(job.id);
    const { text } = await open(`/dashboard/jobs/${job.id}`, { cookie: await signIn("acme") });
    expect(text).toContain("The job could not be completed.");
    expect(text).not.toContain("hunter2");
  });

  test("that waits has no bar, and says when it begins", async () => {
    const { job } = await submit({ run_at: LATER });
    const { text } = await open(`/dashboard/jobs/${job.id}`, { cookie: await signIn() });
    expect(words(text)).toContain("It is scheduled and has not begun yet.");
    expect(words(text)).toContain(`It begins at ${LATER.slice(0, 10)} 00:00:00 UTC`);
    expect(text).not.toContain("<progress");
  });

  test.each([
    ["a value when the percentage is known", { steps: 4, duration_ms: 20_000 }, /<progress[^>]*value="\d+"/],
    [
      "no value when it is not",
      { progress: "none", duration_ms: 20_000 },
      /<progress(?![^>]*\svalue=)[^>]*>/,
    ],
  ])("that runs has a bar, with %s", async (_what, input, bar) => {
    const { job } = await submit({ input }, { as: "acme" });
    const cookie = await signIn("acme");
    await expect.poll(async () => (await open(`/dashboard/jobs/${job.id}`, { cookie })).text).toMatch(bar);
    await send(`/dashboard/jobs/${job.id}/cancel`, {}, { cookie });
  });

  test("between two attempts has no bar, for nothing runs, and says when the next one begins", async () => {
    const input = { attempts: [{ ...FAIL, retry_after_ms: 600_000 }] };
    const { job } = await submit({ input }, { as: "acme" });
    const cookie = await signIn("acme");
    const page = async () => (await open(`/dashboard/jobs/${job.id}`, { cookie })).text;
    await expect.poll(page).toContain("The job has not failed.");
    expect(words(await page())).toMatch(/The next attempt begins at .* in \d+ minutes/);
    expect(words(await page())).toMatch(/It will be retried at .* in \d+ minutes/);
    expect(await page()).not.toContain("<progress");
    await send(`/dashboard/jobs/${job.id}/cancel`, {}, { cookie });
  });

  test("that succeeded shows the result, and offers the files it names", async () => {
    const file = await call("POST", "/v1/files", {
      as: "acme",
      body: "a;b",
      headers: { "Content-Type": "text/csv" },
    });
    const { id } = file.body.data as { id: string };
    const result = { report: id, gone: "file_0000000000000000000000000a", text: `<b>${id}</b>` };
    const { job } = await submit({ input: { result } }, { as: "acme" });
    await finished(job.id);
    const cookie = await signIn("acme");
    const page = await open(`/dashboard/jobs/${job.id}`, { cookie });
    expect(words(page.text)).toContain(`${id} 3 bytes, text/csv`);
    expect(words(page.text)).toContain("file_0000000000000000000000000a is no longer there.");
    const download = await open(`/dashboard/files/${id}`, { cookie });
    expect(download.text).toBe("a;b");
    expect(download.headers.get("Content-Disposition")).toBe(`attachment; filename="${id}.csv"`);
    expect(download.headers.get("Content-Security-Policy")).toBe("default-src 'none'; sandbox");
    const part = await open(`/dashboard/files/${id}`, { cookie, headers: { Range: "bytes=2-" } });
    expect([part.status, part.text]).toEqual([206, "b"]);
    const whole = await open(`/dashboard/jobs/${job.id}/result`, { cookie });
    expect(JSON.parse(whole.text)).toEqual(result);
    expect(whole.headers.get("Content-Disposition")).toBe(`attachment; filename="${job.id}-result.json"`);
  });

  test("says of a file that it could not look up nothing but its id", async () => {
    const { job } = await submit({ input: { result: "file_0000000000000000000000000a" } }, { as: "acme" });
    await finished(job.id);
    const cookie = await signIn("acme");
    let calls = 0;
    const KEY_LIMITER = { limit: async () => ({ success: ++calls <= 3 }) };
    const { text, status } = await open(`/dashboard/jobs/${job.id}`, { cookie, bindings: { KEY_LIMITER } });
    expect([status, calls]).toEqual([200, 4]);
    expect(text).not.toContain("is no longer there");
    expect(text).toContain('href="/dashboard/files/file_0000000000000000000000000a"');
  });

  test.each([
    ["eventsAfter", "The events could not be read."],
    ["deliveries", "The webhook deliveries could not be read."],
  ])("is there without a part that cannot be had (%s), says so, and looks again", async (part, said) => {
    const { job } = await submit({ metadata: { customer: "still shown" } });
    const JOBS = lacking(part);
    const page = await open(`/dashboard/jobs/${job.id}`, { cookie: await signIn(), bindings: { JOBS } });
    expect(page.status).toBe(200);
    expect(words(page.text)).toContain(said);
    expect(words(page.text)).toContain("still shown");
    expect(page.text).toContain('data-every="5"');
    expect(page.text).not.toContain("not now");
  });

  test("of another tenant is the same as one that does not exist", async () => {
    const { job } = await submit();
    const cookie = await signIn("acme");
    const foreign = await open(`/dashboard/jobs/${job.id}`, { cookie });
    const missing = await open("/dashboard/jobs/job_nope", { cookie });
    expect(foreign.status).toBe(404);
    expect(foreign.text).toBe(missing.text);
    expect(words(foreign.text)).toContain("Not found");
  });

  test("passes its events on as they are, from the one asked for", async () => {
    const { job } = await submit({ input: { steps: 1 } }, { as: "acme" });
    await finished(job.id);
    const cookie = await signIn("acme");
    const stream = await open(`/dashboard/jobs/${job.id}/events?after=1`, { cookie });
    expect(stream.headers.get("Content-Type")).toBe("text/event-stream");
    expect(stream.text).not.toContain("event: job.queued");
    expect(stream.text).toContain("event: job.succeeded");
    const [, last] = /id: (\d+)\nevent: job.succeeded/.exec(stream.text) ?? [];
    const end = await open(`/dashboard/jobs/${job.id}/events`, {
      cookie,
      headers: { "Last-Event-ID": last ?? "" },
    });
    expect(end.status).toBe(204);
  });

  test("lists what its webhook was sent, and sends it again", async () => {
    const webhook = { url: "https://hooks.example.com/x", events: ["job.queued"] };
    const { job } = await submit({ webhook });
    const cookie = await signIn();
    const page = await open(`/dashboard/jobs/${job.id}`, { cookie });
    expect(words(page.text)).toMatch(/Webhook deliveries job\.queued pending/);
    const [, action] = /action="([^"]*\/redeliver)"/.exec(page.text) ?? [];
    const sent = await send(action ?? "", {}, { cookie });
    expect([sent.headers.get("Location"), noticeOf(sent)]).toEqual([
      `/dashboard/jobs/${job.id}`,
      "redelivered",
    ]);
  });
});

describe("acting on a job", () => {
  test("cancels with the reason given", async () => {
    const { job } = await submit();
    const cookie = await signIn();
    expect((await open(`/dashboard/jobs/${job.id}/cancel`, { cookie })).text).toContain('name="reason"');
    const sent = await send(`/dashboard/jobs/${job.id}/cancel`, { reason: " Not needed. " }, { cookie });
    expect(sent.headers.get("Location")).toBe(`/dashboard/jobs/${job.id}`);
    expect((await jobNow(job.id)).cancellation?.reason).toBe("Not needed.");
    const next = await open(`/dashboard/jobs/${job.id}`, { cookie: `${cookie}; ${cookieOf(sent)}` });
    const text = words(next.text);
    expect(text).toContain("The job was cancelled.");
    expect(next.headers.get("Set-Cookie")).toMatch(/^__Secure-accepted_notice=; Max-Age=0/);
    expect(text).toContain(
      "It was cancelled on request, with the reason “Not needed.”. Nothing of it runs any more.",
    );
  });

  test("from a page that is old says that nothing was changed", async () => {
    const { job } = await submit();
    const cookie = await signIn();
    const act = (verb: string) => send(`/dashboard/jobs/${job.id}/${verb}`, {}, { cookie });
    expect(noticeOf(await act("cancel"))).toBe("cancelled");
    expect(noticeOf(await act("cancel"))).toBe("cancelled_before");
    expect(noticeOf(await act("delete"))).toBe("deleted");
    expect(noticeOf(await act("delete"))).toBe("deleted_before");
  });

  test("is told of once: the same page, loaded again or opened by a link, does not say it", async () => {
    const { job } = await submit();
    const cookie = await signIn();
    for (const query of ["", "?notice=cancelled", "?notice=submitted"]) {
      const { text } = await open(`/dashboard/jobs/${job.id}${query}`, { cookie });
      expect(text).not.toContain('data-kind="good"');
    }
  });

  test("replays once, however often the form is sent", async () => {
    const { job } = await submit({ input: { result: 1 } }, { as: "acme" });
    await finished(job.id);
    const cookie = await signIn("acme");
    const path = `/dashboard/jobs/${job.id}/replay`;
    const fields = fieldsOf(await open(path, { cookie }), "/replay");
    const [first, second] = [await send(path, fields, { cookie }), await send(path, fields, { cookie })];
    expect(first.status).toBe(303);
    expect([second.headers.get("Location"), noticeOf(second)]).toEqual([
      first.headers.get("Location"),
      "repeated",
    ]);
    const replay = await open(first.headers.get("Location") ?? "", { cookie });
    expect(replay.text).toContain(`href="/dashboard/jobs/${job.id}"`);
  });

  test("deletes a finished job, and says why it does not delete another", async () => {
    const { job } = await submit();
    const cookie = await signIn();
    const path = `/dashboard/jobs/${job.id}/delete`;
    const refused = await send(path, {}, { cookie });
    expect(refused.status).toBe(409);
    expect(words(refused.text)).toContain("Wait until the job has finished, or cancel it first.");
    await send(`/dashboard/jobs/${job.id}/cancel`, {}, { cookie });
    const deleted = await send(path, {}, { cookie });
    expect([deleted.headers.get("Location"), noticeOf(deleted)]).toEqual(["/dashboard/jobs", "deleted"]);
    expect((await open(`/dashboard/jobs/${job.id}`, { cookie })).status).toBe(404);
  });
});
