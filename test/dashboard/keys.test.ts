/** The page of keys and usage: what a key that may manage keys can do there, and what others see. */

import { describe, expect, test } from "vitest";
import { call } from "../support/http.ts";
import { open, send, signIn } from "./visit.ts";

const keyIn = (text: string) => /acpt_parked_\w+/.exec(text)?.[0] ?? expect.fail("The page shows no key.");
const idOf = (key: string) => `key_${key.split("_")[2]}`;

async function createKey(cookie: string) {
  const page = await send(
    "/dashboard/keys",
    [
      ["name", "<shop> server"],
      ["scope", "jobs:read"],
    ],
    { cookie },
  );
  expect(page.status).toBe(200);
  return { page, key: keyIn(page.text) };
}

const use = async (key: string) =>
  (await call("GET", "/v1/me", { as: null, headers: { Authorization: `Bearer ${key}` } })).status;

describe("the page of keys", () => {
  test("a key is made → shown once, and valid; the list has it without its secret", async () => {
    const cookie = await signIn();
    const { page, key } = await createKey(cookie);
    expect(await use(key)).toBe(200);
    expect(page.text).toContain("&lt;shop&gt; server");
    const later = await open("/dashboard/keys", { cookie });
    expect(later.text).toContain(idOf(key));
    expect(later.text).not.toContain(key);
  });

  test("rotated → a new key is shown; revoked → the page says so, and a second time that it was gone", async () => {
    const cookie = await signIn();
    const { key } = await createKey(cookie);
    const rotated = await send(`/dashboard/keys/${idOf(key)}/rotate`, {}, { cookie });
    expect(keyIn(rotated.text)).not.toBe(key);
    for (const [count, notice] of ["key_revoked", "key_revoked_before"].entries()) {
      const page = await send(`/dashboard/keys/${idOf(key)}/revoke`, {}, { cookie });
      expect([page.status, page.headers.get("Location")], `${count}`).toEqual([303, "/dashboard/keys"]);
      expect(page.headers.get("Set-Cookie")).toContain(`accepted_notice=${notice}`);
    }
  });

  test("no scope chosen → 422, and what is wrong", async () => {
    const page = await send("/dashboard/keys", { name: "x" }, { cookie: await signIn() });
    expect(page.status).toBe(422);
    expect(page.text).toContain("#/scopes");
  });

  test("a key that may only read → sees the usage, but neither keys nor the form", async () => {
    const page = await open("/dashboard/keys", { cookie: await signIn("parkedReader") });
    expect(page.status).toBe(200);
    expect(page.text).toContain("unfinished jobs");
    expect(page.text).not.toContain('name="scope"');
    expect(page.text).toContain("This key may not manage keys");
  });

  test("every page → says whose session it is", async () => {
    const page = await open("/dashboard", { cookie: await signIn() });
    expect(page.text).toMatch(/id="whose"[^>]*><bdi>parked<\/bdi>, <bdi>parked<\/bdi>/);
  });

  test("a root key → cannot sign in: it belongs to no tenant", async () => {
    const { keyOf } = await import("../support/keys.ts");
    const page = await send("/dashboard/sign-in", { key: await keyOf("admin") });
    expect([page.status, page.headers.get("Set-Cookie")]).toEqual([422, null]);
  });
});
