/** What protects the dashboard: forged forms, keys that may only read, hostile words, and the headers of its pages. */

import { describe, expect, test } from "vitest";
import { finished, jobNow, submit } from "../support/http.ts";
import { ORIGIN, open, send, signIn, visit } from "./visit.ts";

/** Every form there is, on a job of its own. */
const forms = async () => {
  const { job } = await submit();
  return [
    `/jobs/${job.id}/cancel`,
    `/jobs/${job.id}/replay`,
    `/jobs/${job.id}/delete`,
    `/jobs/${job.id}/deliveries/msg_x/redeliver`,
    "/submit/test.simulate",
    "/bulk",
    "/sign-in",
    "/sign-out",
  ].map((path) => ({ id: job.id, path: `/dashboard${path}` }));
};

describe("a form that another site sends", () => {
  test.each([
    ["says so", { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.example" }],
    ["comes from a sibling site", { "Sec-Fetch-Site": "same-site", Origin: "https://other.accepted.test" }],
    ["hides its origin", { Origin: "null" }],
    ["says nothing at all", {}],
  ])("is refused and does nothing when it %s", async (_how, headers) => {
    const cookie = await signIn();
    for (const { id, path } of await forms()) {
      const page = await visit("POST", path, {
        cookie,
        headers,
        body: new URLSearchParams({ action: "cancel" }),
      });
      expect(page.status, path).toBe(403);
      expect(page.text).toContain("This did not come from the dashboard");
      expect(page.headers.get("Set-Cookie"), path).toBeNull();
      expect((await jobNow(id)).status).toBe("queued");
    }
  });

  test.each([
    ["multipart/form-data; boundary=x", 403],
    ["text/plain", 403],
    [undefined, 403],
    ["application/json", 400],
  ])("is refused as %s, too", async (type, status) => {
    const cookie = await signIn();
    const { job } = await submit();
    const headers = { "Sec-Fetch-Site": "cross-site", ...(type && { "Content-Type": type }) };
    const body = new TextEncoder().encode("x");
    const page = await visit("POST", `/dashboard/jobs/${job.id}/cancel`, { cookie, headers, body });
    expect(page.status).toBe(status);
    expect((await jobNow(job.id)).status).toBe("queued");
  });
});

test("a form of any length is read no further than a form of ours can be long", async () => {
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += 1;
      if (sent > 2_000) controller.close();
      else controller.enqueue(new Uint8Array(16 * 1024).fill(97));
    },
  });
  const headers = { Origin: ORIGIN, "Content-Type": "application/x-www-form-urlencoded" };
  const page = await visit("POST", "/dashboard/sign-in", { headers, body });
  expect(page.status).toBe(400);
  expect(sent).toBeLessThan(20);
});

describe("a key that may only read", () => {
  test("sees no button but the one to sign out, and no way to act", async () => {
    const { job } = await submit({ metadata: { test: "reader" } });
    const cookie = await signIn("parkedReader");
    for (const path of ["", "/jobs", `/jobs/${job.id}`]) {
      const { text, status } = await open(`/dashboard${path}`, { cookie });
      expect(status).toBe(200);
      expect(text.match(/<form[^>]*method="post"[^>]*>/g)).toEqual([
        '<form method="post" action="/dashboard/sign-out" class="row">',
      ]);
      expect(text).not.toMatch(/href="[^"]*\/(cancel|replay|delete|submit|bulk)/);
      expect(text).toContain("read only");
    }
    expect((await open(`/dashboard/jobs/${job.id}`, { cookie: await signIn() })).text).toContain("/cancel");
  });

  test("is refused by the API when it sends a form all the same, in words", async () => {
    const cookie = await signIn("parkedReader");
    const { job } = await submit();
    const page = await send(`/dashboard/jobs/${job.id}/cancel`, { reason: "" }, { cookie });
    expect(page.status).toBe(403);
    expect(page.text).toContain("Use a key that has the scope jobs:write.");
    expect((await jobNow(job.id)).status).toBe("queued");
  });
});

const HOSTILE = `"><script>alert(1)</script><img src=x onerror=alert(1)>'`;

describe("hostile words", () => {
  test("in a job are shown as words", async () => {
    const { job } = await submit({ metadata: { [HOSTILE.slice(0, 40)]: HOSTILE } });
    const cookie = await signIn();
    await send(`/dashboard/jobs/${job.id}/cancel`, { reason: HOSTILE }, { cookie });
    for (const path of [`/jobs/${job.id}`, "/jobs", ""]) {
      const { text } = await open(`/dashboard${path}`, { cookie });
      expect(text).not.toContain("<script>alert");
      expect(text).not.toContain("<img src=x");
    }
    expect((await open(`/dashboard/jobs/${job.id}`, { cookie })).text).toContain("&lt;script&gt;alert(1)");
  });

  test("whose direction is right to left do not turn our own words round", async () => {
    const turned = (name: string) => `\u202Eturned ${name}\u2069\u2066`;
    const message = turned("message");
    const input = {
      attempts: [
        { outcome: "fail", kind: "service_unavailable", code: "turned_code", message, retry_after_ms: 0 },
        { outcome: "fail", kind: "not_found", code: "turned_code", message },
      ],
    };
    const metadata = { [turned("key")]: turned("value") };
    const cancelled = (await submit({ metadata })).job.id;
    const failed = (await submit({ metadata, input }, { as: "acme" })).job.id;
    const succeeded = (await submit({ metadata, input: { result: turned("result") } }, { as: "acme" })).job
      .id;
    await finished(failed);
    await finished(succeeded);
    const cookie = await signIn();
    await send(`/dashboard/jobs/${cancelled}/cancel`, { reason: turned("reason") }, { cookie });
    const theirs = await signIn("acme");
    const query = new URLSearchParams([
      ["metadata", `${turned("key")}=${turned("value")}`],
      ["status", turned("status")],
    ]);
    const found: string[] = [];
    for (const [path, as] of [
      [`/jobs/${cancelled}`, cookie],
      [`/jobs/${failed}`, theirs],
      [`/jobs/${succeeded}`, theirs],
      [`/jobs?metadata=${encodeURIComponent(`${turned("key")}=${turned("value")}`)}`, theirs],
      ["/jobs", theirs],
      [`/jobs?${query}`, theirs],
      [`/bulk?action=cancel&${query}`, cookie],
    ] as const) {
      const { text } = await open(`/dashboard${path}`, { cookie: as });
      const shown = text
        .replace(/<title>.*?<\/title>/s, "")
        .replace(/<[^>]*>/g, (tag) => (/^<\/?bdi>$/.test(tag) ? tag : "<>"));
      const isolated = shown.replace(/<bdi>.*?<\/bdi>/gs, "").replace(/\u2068[^\u2066-\u2069]*\u2069/g, "");
      expect(isolated, path).not.toContain("turned");
      for (const [, name = ""] of shown.matchAll(/turned[ _](\w+)/g)) found.push(name);
    }
    expect([...new Set(found)].sort()).toEqual([
      "code",
      "key",
      "message",
      "reason",
      "result",
      "status",
      "value",
    ]);
  });

  test.each(["status", "type", "created_after", "metadata", "cursor", "limit", "notice", "period"])(
    "in the address, as %s, are shown as words or not at all",
    async (name) => {
      const cookie = await signIn();
      for (const path of ["", "/jobs", "/bulk"]) {
        const query = new URLSearchParams([
          ["action", "cancel"],
          [name, HOSTILE],
        ]);
        const { text, status } = await open(`/dashboard${path}?${query}`, { cookie });
        expect(status).toBeLessThan(500);
        expect(text).not.toContain("<script>alert");
        expect(text).not.toContain("<img src=x");
      }
    },
  );

  test("in a form come back as words, in the command too", async () => {
    const cookie = await signIn();
    const form = new FormData();
    form.set("body", JSON.stringify({ type: "test.simulate", input: { [HOSTILE]: HOSTILE } }));
    const { text, status } = await send("/dashboard/submit/test.simulate", form, { cookie });
    expect(status).toBe(422);
    expect(text).not.toContain("<script>alert");
    expect(text).not.toContain("<img src=x");
  });
});

describe("every page", () => {
  test.each([
    "/sign-in",
    "",
    "/jobs",
    "/submit",
    "/submit/csv.import",
    "/nowhere",
    "/jobs/job_x",
    "/files/file_x",
  ])("%s is not stored, not framed, and runs nothing inline", async (path) => {
    const { headers, text } = await open(`/dashboard${path}`, { cookie: await signIn() });
    expect(headers.get("Cache-Control")).toBe("no-store");
    expect(headers.get("Content-Security-Policy")).toMatch(
      /default-src 'none'.*script-src 'self'.*frame-ancestors 'none'/,
    );
    expect(headers.get("Content-Security-Policy")).not.toContain("unsafe");
    expect(text).not.toMatch(/<script(?![^>]*src=)|<style|\sstyle=|\son\w+=/);
    expect(text).toMatch(/<html lang="en">[\s\S]*<title>[^<]+<\/title>[\s\S]*<main[\s\S]*<h1/);
  });
});
