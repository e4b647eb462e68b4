import { afterEach, beforeEach, describe, expect, type Mock, test, vi } from "vitest";
import { JobFailure } from "../../src/job-types/define.ts";
import { call, failureOf, fakeFetch } from "../support/http-call.ts";
import { fakeJobContext } from "../support/job-context.ts";

const KIB = 1024;

let fetched: Mock<typeof fetch>;
beforeEach(() => {
  fetched = fakeFetch();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Answers like a server that never finishes: it ends only when the request is aborted. */
const untilAborted = (_url: unknown, init?: RequestInit) =>
  new Promise<Response>((_resolve, reject) => {
    init?.signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
  });

/** A body of `count` chunks of `bytes` each, made as it is read. */
function bodyOf(count: number, bytes: number, fill: number): ReadableStream<Uint8Array> {
  let rest = count;
  return new ReadableStream({
    pull(controller) {
      if (rest-- > 0) controller.enqueue(new Uint8Array(bytes).fill(fill));
      else controller.close();
    },
  });
}

describe("the result", () => {
  test("is status, headers and text", async () => {
    const headers = new Headers({ "X-Own": "1", "Content-Type": "text/plain" });
    headers.append("Keep-Alive", "timeout=5");
    headers.append("Set-Cookie", "session=secret");
    headers.append("Link", "<a>");
    headers.append("Link", "<b>");
    fetched.mockResolvedValue(new Response("\uFEFFgrüezi\n", { status: 201, headers }));
    expect(await call().ended).toEqual({
      status: 201,
      headers: { "content-type": "text/plain", "x-own": "1", link: "<a>, <b>" },
      body: "\uFEFFgrüezi\n",
    });
  });

  test.each([204, 301, 302, 303, 304, 307, 308])("may have status %d", async (status) => {
    fetched.mockResolvedValue(
      new Response(null, { status, headers: { location: "https://other.example.com/" } }),
    );
    expect(await call().ended).toMatchObject({ status, body: "", headers: { location: expect.any(String) } });
    expect(fetched).toHaveBeenCalledOnce();
  });

  test("holds text up to 256 KiB, and joins characters that chunks cut apart", async () => {
    const bytes = new TextEncoder().encode("ü".repeat(128 * KIB));
    const chunks = [bytes.subarray(0, 101), bytes.subarray(101)];
    const body = new ReadableStream({
      pull(controller) {
        const chunk = chunks.shift();
        if (chunk) controller.enqueue(chunk);
        else controller.close();
      },
    });
    fetched.mockResolvedValue(new Response(body));
    const { ended, stored } = call();
    expect(await ended).toMatchObject({ body: "ü".repeat(128 * KIB) });
    expect(stored).toEqual([]);
  });

  test.each([
    ["longer text", () => new Response("x".repeat(256 * KIB + 1)), 256 * KIB + 1],
    ["bytes that are not UTF-8", () => new Response(new Uint8Array([0x50, 0xff, 0xfe])), 3],
    ["a character cut off", () => new Response(new Uint8Array([0x50, 0xc3])), 2],
    ["control characters", () => new Response("a\0b"), 3],
    ["a long stream", () => new Response(bodyOf(40, 64 * KIB, 120)), 2560 * KIB],
  ])("names a file for %s", async (_what, response, bytes) => {
    fetched.mockImplementation(async () => response());
    const { ended, stored } = call();
    expect(await ended).toMatchObject({ body: { file: "file_1" } });
    expect(stored).toMatchObject([{ bytes }]);
  });

  test("keeps the media type with the file if it is one", async () => {
    for (const [given, kept] of [
      ["application/pdf", "application/pdf"],
      ["text/csv; charset=latin1", "text/csv; charset=latin1"],
      ["nonsense", "application/octet-stream"],
    ] as const) {
      fetched.mockResolvedValue(new Response(new Uint8Array([0xff]), { headers: { "content-type": given } }));
      const { ended, stored } = call();
      await ended;
      expect(stored).toMatchObject([{ contentType: kept }]);
    }
  });

  test("never exceeds 100 MiB: that is a permanent failure", async () => {
    fetched.mockResolvedValue(new Response(bodyOf(101, 1024 * KIB, 0)));
    const failure = await failureOf(call().ended);
    expect(failure).toMatchObject({ kind: "invalid_input", code: "response_too_large" });
  });
});

describe("a failing answer", () => {
  test.each([
    [400, "invalid_input"],
    [401, "permission_denied"],
    [402, "invalid_input"],
    [403, "permission_denied"],
    [404, "not_found"],
    [408, "timeout"],
    [409, "invalid_input"],
    [410, "not_found"],
    [422, "invalid_input"],
    [425, "service_unavailable"],
    [429, "rate_limited"],
    [500, "service_unavailable"],
    [502, "service_unavailable"],
    [503, "service_unavailable"],
    [504, "timeout"],
    [599, "service_unavailable"],
  ])("%d is %s, and tells nothing of the body", async (status, kind) => {
    fetched.mockResolvedValue(new Response("secret stack trace", { status }));
    const failure = await failureOf(call().ended);
    expect(failure).toBeInstanceOf(JobFailure);
    expect(failure).toMatchObject({ kind, code: `http_${status}`, retryAfterMs: null });
    expect(failure).toMatchObject({ publicMessage: `The third party answered with HTTP status ${status}.` });
  });

  test("is not tried again sooner than it asks, in seconds or by a date", async () => {
    fetched.mockResolvedValueOnce(new Response("", { status: 429, headers: { "retry-after": "90" } }));
    expect(await failureOf(call().ended)).toMatchObject({ retryAfterMs: 90_000 });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2026-11-15T12:00:00Z") });
    const date = "Sun, 15 Nov 2026 12:01:00 GMT";
    fetched.mockResolvedValueOnce(new Response("", { status: 503, headers: { "retry-after": date } }));
    expect(await failureOf(call().ended)).toMatchObject({ retryAfterMs: 60_000 });
  });
});

describe("no answer", () => {
  test("because of the network: temporary, and nothing of the exception is public", async () => {
    fetched.mockRejectedValue(new TypeError("connect ECONNREFUSED 10.0.0.7"));
    const failure = await failureOf(call().ended);
    expect(failure).toMatchObject({ kind: "service_unavailable", code: "third_party_unreachable" });
    expect(failure).toMatchObject({ publicMessage: expect.not.stringContaining("10.0.0.7") });
  });

  test("or one that breaks off: temporary", async () => {
    let started = false;
    const broken = new ReadableStream({
      pull(controller) {
        if (started) controller.error(new Error("reset"));
        else controller.enqueue(new Uint8Array(300 * KIB));
        started = true;
      },
    });
    fetched.mockResolvedValue(new Response(broken));
    expect(await failureOf(call().ended)).toMatchObject({ code: "third_party_unreachable" });
  });

  test("in time: a timeout", async () => {
    vi.useFakeTimers();
    fetched.mockImplementation(untilAborted);
    const failing = failureOf(call({ timeout_ms: 5_000 }).ended);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await failing).toMatchObject({ kind: "timeout", code: "third_party_timeout" });
  });

  test("that ends in time: a timeout too", async () => {
    vi.useFakeTimers();
    fetched.mockImplementation(async (_url, init) => {
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(new Uint8Array([120]));
          init?.signal?.addEventListener("abort", () => controller.error(new Error("aborted")));
        },
      });
      return new Response(body);
    });
    const failing = failureOf(call({ timeout_ms: 5_000 }).ended);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await failing).toMatchObject({ kind: "timeout", code: "third_party_timeout" });
  });

  test("because the job was cancelled: stops at once with the signal's reason", async () => {
    const stop = new AbortController();
    const reason = new Error("cancelled");
    fetched.mockImplementation(untilAborted);
    const failing = failureOf(call({}, { signal: stop.signal }).ended);
    stop.abort(reason);
    expect(await failing).toBe(reason);
  });

  test("of the file store is not the third party's fault", async () => {
    const fault = new Error("store is full");
    const files = { ...fakeJobContext().job.files, create: () => Promise.reject(fault) };
    fetched.mockResolvedValue(new Response(new Uint8Array([0xff])));
    expect(await failureOf(call({}, { files }).ended)).toBe(fault);
  });
});
