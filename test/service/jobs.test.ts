/** What a client never sees: the text of an exception. */

import { randomUUID } from "node:crypto";
import { expect, test, vi } from "vitest";
import { sharedService } from "./service.ts";

const service = sharedService();

test.concurrent("the text of an exception is in the log beside its reference, and in no answer", async () => {
  const { acme } = service;
  const message = `secret-internal-detail ${randomUUID()}`;
  const id = await acme.simulate({ attempts: [{ outcome: "crash", message }] });
  const job = await acme.finished(id);
  expect(job.error).toMatchObject({ kind: "internal_error", message: "The job could not be completed." });

  for (const path of ["", "/events", "/result"]) {
    const { text } = await acme.call("GET", `/v1/jobs/${id}${path}`);
    // The input, which has the text, is the client's own.
    const { input: _input, ...said } = path === "" ? JSON.parse(text).data : { text };
    expect(JSON.stringify(said)).not.toContain("secret-internal-detail");
  }
  const reference = job.error?.reference;
  const logged = () => {
    const line = service.logOf(id).find(({ event }) => event === "attempt_threw");
    expect(line).toMatchObject({ reference, error: { message } });
  };
  await vi.waitFor(logged);
});
