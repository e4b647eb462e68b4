import { describe, expect, test } from "vitest";
import { checkTarget, type TargetRules } from "../../src/lib/target.ts";

const deployed: TargetRules = { allowLocal: false, ownHosts: ["jobs.example.com"] };
const local: TargetRules = { allowLocal: true, ownHosts: ["localhost:8787"] };

const fine = [
  "https://example.com",
  "https://example.com/",
  "https://example.com:443/hook?a=b#c",
  "HTTPS://EXAMPLE.COM/Hook",
  "https://api.example.co.uk/v1/a%20b",
  "https://my_hooks.example.com/",
  "https://1password.com/",
  "https://192-168-0-1.example.com/",
  "https://1.2.3.4.example.com/",
  "https://bücher.example.com/",
  "https://münchen.xn--vermgensberater-ctb/",
  "https://localhost.example.com/",
  "https://internal.example.com/",
  "https://example.com/path@with/at:signs?u=a@b",
  "https://other.jobs.example.com/",
];

const refused: Record<string, string[]> = {
  "absolute https URL": [
    "",
    "example.com",
    "/hook",
    "//example.com/hook",
    "https:",
    "https://",
    "https:example.com",
    "https:/example.com",
    "https:///example.com",
    "https:\\\\example.com",
    "https://example.com\\@localhost/",
    " https://example.com/",
    "https://example.com/\n",
    "https://exa\tmple.com/",
    "https://example.com/a b",
    "https://exa mple.com/",
    "https://example..com:99999/",
    "https://256.256.256.256/",
    "https://1.2.3.4.5/",
    "https://[::1/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "data:text/plain,hi",
    "javascript:alert(1)",
    "wss://example.com/",
    "blob:https://example.com/1",
  ],
  "use https": [
    "http://example.com/",
    "http://example.com:443/",
    "http://localhost/",
    "http://localhost:3000/",
    "http://127.0.0.1:3000/",
  ],
  "port 443": ["https://example.com:80/", "https://example.com:8443/", "https://localhost:3000/"],
  "user information": [
    "https://user@example.com/",
    "https://user:pass@example.com/",
    "https://:pass@example.com/",
    "https://@example.com/",
    "https://:@example.com/",
    "https://example.com@127.0.0.1/",
    "https://example.com%40x@example.com/",
  ],
  "not an IP address": [
    "https://127.0.0.1/",
    "https://127.0.0.1./",
    "https://8.8.8.8/",
    "https://169.254.169.254/latest/meta-data",
    "https://127.1/",
    "https://127.0.1/",
    "https://0/",
    "https://0x0/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0X7F.0.0.1/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://00000177.0.0.1/",
    "https://127.0.0.0x1/",
    "https://１２７.０.０.１/",
    "https://①②⑦.0.0.1/",
    "https://127。0。0。1/",
    "https://%31%32%37.0.0.1/",
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[fd00::1]/",
    "https://[2606:4700::1111]/",
  ],
  "end with a dot": [
    "https://example.com./",
    "https://localhost./",
    "https://printer.local./",
    "https://com./",
  ],
  "public name": [
    "https://localhost/",
    "https://LOCALHOST/",
    "https://ｌｏｃａｌｈｏｓｔ/",
    "https://loc%61lhost/",
    "https://foo.localhost/",
    "https://intranet/",
    "https://com/",
    "https://printer.local/",
    "https://PRINTER.LOCAL/",
    "https://metadata.google.internal/",
    "https://db.internal/",
    "https://hook.test/",
    "https://hook.example/",
    "https://hook.invalid/",
    "https://hidden.onion/",
    "https://name.alt/",
    "https://router.home.arpa/",
    "https://1.0.0.127.in-addr.arpa/",
    "https://server.corp/",
    "https://nas.home/",
    "https://nas.lan/",
    "https://localhost.localdomain/",
    "https://ａ.ｌｏｃａｌ/",
  ],
  "valid public name": [
    "https://example..com/",
    "https://.example.com/",
    "https://-a.example.com/",
    "https://a-.example.com/",
    "https://example.c/",
    "https://example.co_m/",
    "https://example.a1/",
    "https://a*b.example.com/",
    `https://${"a".repeat(64)}.example.com/`,
    `https://${"a.".repeat(126)}com/`,
  ],
  "this service itself": [
    "https://jobs.example.com/v1/jobs",
    "https://JOBS.example.com/",
    "https://jobs.example.com./",
    "https://jobs.example.com:443/",
    "https://jobs%2eexample.com/",
  ],
  "longer than 2048": [`https://example.com/${"a".repeat(2048)}`],
};

describe("a deployed service", () => {
  test.each(fine)("may call %s", (url) => {
    expect(checkTarget(url, deployed)).toBeNull();
  });

  for (const [reason, urls] of Object.entries(refused)) {
    test.each(urls)(`does not call %j: ${reason}`, (url) => {
      expect(checkTarget(url, deployed)).toContain(reason);
    });
  }

  test("gives its reason as one sentence", () => {
    for (const urls of Object.values(refused)) {
      for (const url of urls) expect(checkTarget(url, deployed)).toMatch(/^The [^.]+\.$/);
    }
  });

  test("knows itself by an own host with port and letter case of any kind", () => {
    for (const ownHost of ["Jobs.Example.com", "jobs.example.com:443", "jobs.example.com."]) {
      expect(
        checkTarget("https://jobs.example.com/", {
          allowLocal: false,
          ownHosts: ["other.example.com", ownHost],
        }),
      ).toContain("itself");
    }
    expect(checkTarget("https://jobs.example.com/", { allowLocal: false, ownHosts: [] })).toBeNull();
  });
});

describe("a local service", () => {
  test.each([
    "http://localhost/",
    "http://localhost:3000/hook",
    "http://LOCALHOST:3000/hook",
    "http://127.0.0.1:3000/hook",
    "https://example.com/hook",
  ])("may call %s", (url) => {
    expect(checkTarget(url, local)).toBeNull();
  });

  test.each([
    "http://example.com/",
    "http://0.0.0.0:3000/",
    "http://127.0.0.2:3000/",
    "http://[::1]:3000/",
    "http://192.168.0.1/",
    "http://localhost.:3000/",
    "http://foo.localhost:3000/",
    "http://user@localhost:3000/",
    "https://localhost:3000/",
    "https://localhost/",
  ])("does not call %s", (url) => {
    expect(checkTarget(url, local)).not.toBeNull();
  });

  test.each(["http://localhost:8787/v1/jobs", "http://127.0.0.1:8787/", "http://127.1:8787/"])(
    "does not call itself as %s",
    (url) => {
      expect(checkTarget(url, local)).toContain("itself");
    },
  );
});
