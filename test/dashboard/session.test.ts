/** Signing in: the key goes into a cookie that only its owner's browser can use, and nowhere else. */

import { env } from "cloudflare:workers";
import { decodeBase64Url } from "hono/utils/encode";
import { afterEach, describe, expect, test, vi } from "vitest";
import { HOUR } from "../../src/core/time.ts";
import { readKey } from "../../src/lib/key.ts";
import { newSessionId } from "../../src/rpc/session.ts";
import { keyOf } from "../support/keys.ts";
import { captureLog } from "../support/log.ts";
import { cookieOf, open, send, signIn, visit } from "./visit.ts";

afterEach(() => {
  vi.useRealTimers();
});

describe("the cookie", () => {
  test("is for this site's dashboard alone, over https alone, and out of the reach of scripts", async () => {
    const { headers } = await send("/dashboard/sign-in", { key: await keyOf("parked") });
    expect(headers.get("Set-Cookie")).toMatch(/^__Secure-accepted_session=/);
    const attributes = headers.get("Set-Cookie")?.split("; ").slice(1).sort();
    expect(attributes).toEqual(["HttpOnly", "Max-Age=43200", "Path=/dashboard", "SameSite=Strict", "Secure"]);
  });

  test("works without https where there is none", async () => {
    const origin = "http://localhost:8787";
    const page = await send("/dashboard/sign-in", { key: await keyOf("parked") }, { origin });
    expect(page.headers.get("Set-Cookie")).not.toContain("Secure");
    expect((await open("/dashboard", { origin, cookie: cookieOf(page) })).status).toBe(200);
  });

  test.each([
    ["its end is cut", (cookie: string) => cookie.slice(0, -8)],
    ["it has only the id", (cookie: string) => cookie.replace(/\.[^.]*$/, "")],
    [
      "a character is another",
      (cookie: string) => cookie.replace(/(.)(.{40})$/, (_, one, rest) => (one === "A" ? "B" : "A") + rest),
    ],
    ["its id is none of this deployment", (cookie: string) => cookie.replace(/=./, "=")],
    ["its id is another session's", (cookie: string) => cookie.replace(/=[^.]*/, `=${newSessionId(env)}`)],
  ])("is no session if %s", async (_why, change) => {
    const cookie = await signIn("parkedReader");
    expect((await open("/dashboard", { cookie })).status).toBe(200);
    expect((await open("/dashboard", { cookie: change(cookie) })).status).toBe(303);
  });

  test("holds no key in clear text", async () => {
    const [cookie, key] = [await signIn(), await keyOf("parked")];
    const [, sealed = ""] = decodeURIComponent(cookie).split(".");
    const decoded = new TextDecoder("latin1").decode(decodeBase64Url(sealed));
    expect([cookie, decoded].filter((text) => text.includes(key.slice(0, 12)))).toEqual([]);
  });

  test("is renewed while it is used, ends after two hours without a request, and after twelve in any case", async () => {
    const first = await signIn();
    const start = Date.now();
    const at = (hours: number) => vi.useFakeTimers({ toFake: ["Date"], now: start + hours * HOUR });
    let cookie = first;
    for (const hours of [1.5, 3, 4.5, 6, 7.5, 9, 10.5, 11.9]) {
      at(hours);
      const page = await open("/dashboard", { cookie });
      expect(page.status).toBe(200);
      cookie = cookieOf(page);
    }
    expect((await open("/dashboard", { cookie: first })).status).toBe(303);
    at(12.01);
    expect((await open("/dashboard", { cookie })).status).toBe(303);
  });

  test("is not renewed with every request", async () => {
    const cookie = await signIn();
    expect((await open("/dashboard", { cookie })).headers.get("Set-Cookie")).toBeNull();
  });

  test("ends with its key", async () => {
    const cookie = await signIn();
    const bindings = { SIGNING_SECRET: "another secret, of more than 32 characters" };
    expect((await open("/dashboard", { cookie, bindings })).status).toBe(303);
  });

  test("is not believed while its session cannot be asked for", async () => {
    const cookie = await signIn();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 6_000 });
    const broken = {
      ...env.SESSIONS,
      idFromString: () => ({}),
      get: () => ({ secret: () => Promise.reject(new Error("gone")) }),
    };
    const page = await open("/dashboard", { cookie, bindings: { SESSIONS: broken } });
    expect(page.status).toBe(503);
    expect(page.headers.get("Retry-After")).not.toBeNull();
  });
});

describe("signing in", () => {
  test.each(["", "not a key", "acpt_0000000000000000000000000000000000000", '"><script>alert(1)</script>'])(
    "with %j says that it is no valid key, and keeps nothing",
    async (key) => {
      const page = await send("/dashboard/sign-in", { key });
      expect(page.status).toBe(422);
      expect(page.text).toMatch(/This (key is not valid|is not an API key)/);
      expect(page.headers.get("Set-Cookie")).toBeNull();
      if (key !== "") expect(page.text).not.toContain(key);
    },
  );

  test("with an expired key says so", async () => {
    const page = await send("/dashboard/sign-in", { key: await keyOf("expired") });
    expect(page.text).toContain("it may also have expired");
  });

  test("with a key that may not read says which scope it lacks", async () => {
    const page = await send("/dashboard/sign-in", { key: await keyOf("parkedWriter") });
    expect(page.status).toBe(422);
    expect(page.text).toContain("jobs:read");
    expect(page.headers.get("Set-Cookie")).toBeNull();
  });

  test("is asked for again when the service is too busy to say what the key may do", async () => {
    let calls = 0;
    const KEY_LIMITER = { limit: async () => ({ success: ++calls < 1 }) };
    const page = await send(
      "/dashboard/sign-in",
      { key: await keyOf("parkedReader") },
      { bindings: { KEY_LIMITER } },
    );
    expect(page.status).toBe(422);
    expect(page.text).toContain("Try again in 6 seconds.");
    expect(page.headers.get("Set-Cookie")).toBeNull();
  });

  test("leads to the page that was asked for", async () => {
    const asked = await open("/dashboard/jobs?status=failed&metadata=a%3Db");
    const to = asked.headers.get("Location") ?? "";
    expect(to).toMatch(/^\/dashboard\/sign-in\?return_to=/);
    const page = await open(to);
    const [, value] = /name="return_to" value="([^"]*)"/.exec(page.text) ?? [];
    const fields = { key: await keyOf("parked"), return_to: (value ?? "").replaceAll("&amp;", "&") };
    expect((await send("/dashboard/sign-in", fields)).headers.get("Location")).toBe(
      "/dashboard/jobs?status=failed&metadata=a%3Db",
    );
  });

  test.each([
    "https://evil.example/dashboard",
    "//evil.example/dashboard",
    "/\\evil.example/dashboard",
    "\\\\evil.example",
    "/dashboard/../v1/jobs",
    "/dashboardx",
    "/docs",
    "javascript:alert(1)",
    "/dashboard/sign-in?return_to=/dashboard",
    "https://accepted.test@evil.example/dashboard",
    "http://accepted.test/dashboard/jobs",
  ])("never leads to %s", async (return_to) => {
    const page = await send("/dashboard/sign-in", { key: await keyOf("parked"), return_to });
    expect(page.headers.get("Location")).toBe("/dashboard");
  });
});

test("no page holds the key, and no address asks for it", async () => {
  const cookie = await signIn();
  const key = await keyOf("parked");
  for (const path of ["", "/jobs", "/submit", "/submit/test.simulate", "/nowhere"]) {
    const page = await open(`/dashboard${path}`, { cookie });
    expect(page.text).not.toContain(key);
    expect(page.headers.get("Location") ?? "").not.toContain(key);
  }
  expect((await open(`/dashboard/sign-in?key=${key}`)).text).not.toContain(key);
});

test("no key is logged", async () => {
  const said: unknown[] = [];
  for (const level of ["log", "info", "warn", "error", "debug"] as const)
    vi.spyOn(console, level).mockImplementation((...words) => void said.push(...words));
  const cookie = await signIn();
  const key = await keyOf("parked");
  await send("/dashboard/sign-in", { key: `${key.slice(0, -1)}0` });
  await open("/dashboard/jobs/job_nope", { cookie });
  const form = new FormData();
  form.set("body", '{"type":"test.simulate","input":{}}');
  await send("/dashboard/submit/test.simulate", form, { cookie, bindings: { JOBS: null } });
  vi.restoreAllMocks();
  expect(JSON.stringify(said)).toContain("request_failed");
  expect(JSON.stringify(said)).not.toContain(key.slice(0, 20));
});

test("signing out makes the browser forget the cookie, and ends every copy of it", async () => {
  const cookie = await signIn();
  const page = await send("/dashboard/sign-out", {}, { cookie });
  expect(page.headers.get("Set-Cookie")).toMatch(/^__Secure-accepted_session=; Max-Age=0; Path=\/dashboard;/);
  expect(page.headers.get("Location")).toBe("/dashboard/sign-in");
  for (const path of ["", "/jobs", "/jobs/job_x/events", "/files/file_x"])
    expect((await open(`/dashboard${path}`, { cookie })).headers.get("Location")).toMatch(/sign-in/);
});

test("signing in and out are logged by the key's id", async () => {
  const records = captureLog();
  const cookie = await signIn();
  await send("/dashboard/sign-out", {}, { cookie });
  vi.restoreAllMocks();
  const key_id = (await readKey(await keyOf("parked"), env.SIGNING_SECRET))?.id;
  const logged = records.filter(({ event }) => event.startsWith("signed_"));
  expect(logged).toMatchObject([
    { event: "signed_in", key_id },
    { event: "signed_out", key_id },
  ]);
});

test("a link on another site, which brings no cookie, has the page asked for once more from here", async () => {
  const page = await open("/dashboard/jobs", { headers: { "Sec-Fetch-Site": "cross-site" } });
  expect(page.status).toBe(200);
  expect(page.text).toContain('<meta http-equiv="refresh" content="0">');
  const again = await open("/dashboard/jobs", { headers: { "Sec-Fetch-Site": "same-origin" } });
  expect(again.headers.get("Location")).toBe("/dashboard/sign-in?return_to=%2Fdashboard%2Fjobs");
});

test("an action without a session does nothing and asks to sign in", async () => {
  const page = await visit("POST", "/dashboard/jobs/job_x/cancel", {
    headers: { Origin: "https://accepted.test", "Content-Type": "application/x-www-form-urlencoded" },
    body: "",
  });
  expect(page.headers.get("Location")).toBe("/dashboard/sign-in?why=over");
});
