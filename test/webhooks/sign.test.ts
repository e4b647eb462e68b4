/** Signatures of webhooks, against the standard's own vector, openssl's arithmetic, and the verifier of another library. */

import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { masterSecrets, sign, signatureHeaders, tenantSecret } from "../../src/webhooks/sign.ts";

const message = (at: number, changes: object = {}) => {
  return { tenant: "acme", id: "msg_1", at, body: '{"type":"job.succeeded","n":"ä€𝄞"}', ...changes };
};

describe("a signature", () => {
  test("is that of the vector in the standard's documentation", async () => {
    const key = Uint8Array.from(atob("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), (char) => char.charCodeAt(0));
    expect(await sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", '{"test": 2432232314}')).toBe(
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    );
  });

  test("is what openssl makes of the tenant's secret, at the whole second before", async () => {
    const headers = await signatureHeaders(["master"], message(1_614_265_330_999, { body: "{}" }));
    expect(headers).toEqual({
      "webhook-id": "msg_1",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,/9iD21/NwfoiKQfkLHy7085zTQdvjzGW5Yjw9jXwiNk=",
    });
  });

  test("is accepted by the standard's library", async () => {
    const asked = message(Date.now());
    const headers = await signatureHeaders(["master"], asked);
    const receiver = new Webhook(await tenantSecret("master", "acme"));
    expect(receiver.verify(asked.body, headers)).toEqual(JSON.parse(asked.body));
    expect(() => receiver.verify(`${asked.body} `, headers)).toThrow();
  });

  test("of an old secret and a new one are both there during a rotation", async () => {
    const asked = message(Date.now());
    const headers = await signatureHeaders(["new", "old"], asked);
    expect(headers["webhook-signature"]).toMatch(/^v1,\S{44} v1,\S{44}$/);
    for (const master of ["new", "old"]) {
      const receiver = new Webhook(await tenantSecret(master, "acme"));
      expect(receiver.verify(asked.body, headers)).toEqual(JSON.parse(asked.body));
    }
    const stranger = new Webhook(await tenantSecret("other", "acme"));
    expect(() => stranger.verify(asked.body, headers)).toThrow();
  });
});

describe("a tenant's secret", () => {
  test("is 32 bytes that follow from the deployment's secret and the tenant", async () => {
    expect(await tenantSecret("master", "acme")).toBe("whsec_6H1y1uMN96VkJh7fUbtxwVBBmmzfMFI7mmQspOM2MSc=");
  });

  test("is no other tenant's, and no other deployment's", async () => {
    const secrets = await Promise.all([
      tenantSecret("master", "acme"),
      tenantSecret("master", "globex"),
      tenantSecret("other", "acme"),
    ]);
    expect(new Set(secrets).size).toBe(3);
  });
});

test("the present secret comes first, the one before second, and an empty one is none", () => {
  expect(masterSecrets({ WEBHOOK_SECRET: "new", WEBHOOK_SECRET_PREVIOUS: "old" })).toEqual(["new", "old"]);
  expect(masterSecrets({ WEBHOOK_SECRET: "new", WEBHOOK_SECRET_PREVIOUS: "" })).toEqual(["new"]);
  expect(masterSecrets({ WEBHOOK_SECRET: "", WEBHOOK_SECRET_PREVIOUS: "old" })).toEqual([]);
  expect(masterSecrets({})).toEqual([]);
});
