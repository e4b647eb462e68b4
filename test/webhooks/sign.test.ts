/** Signatures of webhooks, against the standard's own vector, openssl's arithmetic, and the verifier of another library. */

import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { masterSecrets, sign, signatureHeaders, tenantSecret } from "../../src/webhooks/sign.ts";

const message = (at: number, changes: object = {}) => {
  return {
    tenant: "acme",
    generations: [1],
    id: "msg_1",
    at,
    body: '{"type":"job.succeeded","n":"ä€𝄞"}',
    ...changes,
  };
};

describe("a signature", () => {
  test("vector of the standard → same signature", async () => {
    const key = Uint8Array.from(atob("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), (char) => char.charCodeAt(0));
    expect(await sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", '{"test": 2432232314}')).toBe(
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    );
  });

  test("tenant's secret → same as openssl, at the whole second before", async () => {
    const headers = await signatureHeaders(["master"], message(1_614_265_330_999, { body: "{}" }));
    expect(headers).toEqual({
      "webhook-id": "msg_1",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,sFusYAbJI0kcLwoPEQ3TgwAxea93FDbAQITgQ2NXpkE=",
    });
  });

  test("standard's library → accepted", async () => {
    const asked = message(Date.now());
    const headers = await signatureHeaders(["master"], asked);
    const receiver = new Webhook(await tenantSecret("master", "acme", 1));
    expect(receiver.verify(asked.body, headers)).toEqual(JSON.parse(asked.body));
    expect(() => receiver.verify(`${asked.body} `, headers)).toThrow();
  });

  test("rotation → signatures of the old and the new secret", async () => {
    const asked = message(Date.now());
    const headers = await signatureHeaders(["new", "old"], asked);
    expect(headers["webhook-signature"]).toMatch(/^v1,\S{44} v1,\S{44}$/);
    for (const master of ["new", "old"]) {
      const receiver = new Webhook(await tenantSecret(master, "acme", 1));
      expect(receiver.verify(asked.body, headers)).toEqual(JSON.parse(asked.body));
    }
    const stranger = new Webhook(await tenantSecret("other", "acme", 1));
    expect(() => stranger.verify(asked.body, headers)).toThrow();
  });
});

describe("a tenant's secret", () => {
  test("deployment's secret and tenant → the same 32 bytes", async () => {
    expect(await tenantSecret("master", "acme", 1)).toBe(
      "whsec_/Ql+BbJfvFFzOpd2VjtwTwRIK5EfyagnXyx7XM0ke0U=",
    );
  });

  test("other tenant or deployment → other secret", async () => {
    const secrets = await Promise.all([
      tenantSecret("master", "acme", 1),
      tenantSecret("master", "globex", 1),
      tenantSecret("other", "acme", 1),
    ]);
    expect(new Set(secrets).size).toBe(3);
  });
});

test("secrets: present, former, empty → present first, former second, empty left out", () => {
  expect(masterSecrets({ WEBHOOK_SECRET: "new", WEBHOOK_SECRET_PREVIOUS: "old" })).toEqual(["new", "old"]);
  expect(masterSecrets({ WEBHOOK_SECRET: "new", WEBHOOK_SECRET_PREVIOUS: "" })).toEqual(["new"]);
  expect(masterSecrets({ WEBHOOK_SECRET: "", WEBHOOK_SECRET_PREVIOUS: "old" })).toEqual([]);
  expect(masterSecrets({})).toEqual([]);
});
