/** Runs http.request by itself: against a fetch that a test defines, and a file store that only counts. */

import { type Mock, vi } from "vitest";
import type { JobContext } from "../../src/job-types/define.ts";
import { httpRequest } from "../../src/job-types/http-request.ts";
import { fakeJobContext } from "./job-context.ts";

export const TARGET = "https://api.example.com/refunds";

/** Takes the place of the global fetch until `vi.restoreAllMocks()`. */
export function fakeFetch(): Mock<typeof fetch> {
  const fetched = vi.fn<typeof fetch>();
  vi.spyOn(globalThis, "fetch").mockImplementation(fetched);
  return fetched;
}

/** Runs the call; what it stores as a file is remembered, not kept anywhere. */
export function call(input: object = {}, overrides: Partial<JobContext> = {}) {
  const stored: { contentType: string; bytes: number }[] = [];
  const create: JobContext["files"]["create"] = async (contentType, chunks) => {
    let bytes = 0;
    for await (const chunk of chunks) bytes += chunk.length;
    stored.push({ contentType, bytes });
    return { id: "file_1", size: bytes, contentType, sha256: "", createdAt: 0, jobId: null, purgeAt: null };
  };
  const files = { ...fakeJobContext().job.files, create };
  const { job } = fakeJobContext({ files, ...overrides });
  return {
    ended: httpRequest.run(httpRequest.input.parse({ url: TARGET, method: "GET", ...input }), job),
    stored,
  };
}

/** What it rejected with; null if it did not. */
export const failureOf = (ended: Promise<unknown>) =>
  ended.then(
    () => null,
    (error: unknown) => error,
  );
