/** What the pages say and do, as a browser without scripts meets them: each datum is one that the API told. */

import { describe, expect, test } from "vitest";
import { call, finished, freshKey, jobNow, submit } from "../support/http.ts";
import { fieldsOf, ORIGIN, open, send, signIn, visit } from "./visit.ts";

/** The text of a page without its markup. */
const words = (html: string) =>
  html
    .replace(/<[^>]+>/g, " ")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replace(/\s+/g, " ");

const FAIL = {
  outcome: "fail",
  kind: "service_unavailable",
  code: "source_unavailable",
  message: "The source is away.",
};

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
      /Attempt 1 failed Began .* The source is away\. source_unavailable .* So it was tried again, at/,
    );
    expect(text).toMatch(/Attempt 2 failed Began .* It was not tried again\./);
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
    const { job } = await submit({ run_at: "2027-01-01T00:00:00Z" });
    const { text } = await open(`/dashboard/jobs/${job.id}`, { cookie: await signIn() });
    expect(words(text)).toContain("It is scheduled and has not begun yet.");
    expect(words(text)).toContain("It begins at 2027-01-01 00:00:00 UTC");
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

  test("of another tenant is the same as one that does not exist", async () => {
    const { job } = await submit();
    const cookie = await signIn("acme");
    const foreign = await open(`/dashboard/jobs/${job.id}`, { cookie });
    const missing = await open("/dashboard/jobs/job_nope", { cookie });
    expect(foreign.status).toBe(404);
    expect(foreign.text).toBe(missing.text);
    expect(words(foreign.text)).toContain("There is nothing here");
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
    expect(sent.headers.get("Location")).toBe(`/dashboard/jobs/${job.id}?notice=redelivered`);
  });
});

describe("acting on a job", () => {
  test("cancels with the reason given", async () => {
    const { job } = await submit();
    const cookie = await signIn();
    expect((await open(`/dashboard/jobs/${job.id}/cancel`, { cookie })).text).toContain('name="reason"');
    const sent = await send(`/dashboard/jobs/${job.id}/cancel`, { reason: " Not needed. " }, { cookie });
    expect(sent.headers.get("Location")).toBe(`/dashboard/jobs/${job.id}?notice=cancelled`);
    expect((await jobNow(job.id)).cancellation?.reason).toBe("Not needed.");
    const text = words((await open(`/dashboard/jobs/${job.id}?notice=cancelled`, { cookie })).text);
    expect(text).toContain("The job was cancelled.");
    expect(text).toContain(
      "It was cancelled on request, with the reason “Not needed.”. Nothing of it runs any more.",
    );
  });

  test("replays once, however often the form is sent", async () => {
    const { job } = await submit({ input: { result: 1 } }, { as: "acme" });
    await finished(job.id);
    const cookie = await signIn("acme");
    const path = `/dashboard/jobs/${job.id}/replay`;
    const fields = fieldsOf(await open(path, { cookie }), "/replay");
    const [first, second] = [await send(path, fields, { cookie }), await send(path, fields, { cookie })];
    expect(first.status).toBe(303);
    expect(second.headers.get("Location")).toBe(first.headers.get("Location"));
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
    expect((await send(path, {}, { cookie })).headers.get("Location")).toBe("/dashboard/jobs?notice=deleted");
    expect((await open(`/dashboard/jobs/${job.id}`, { cookie })).status).toBe(404);
  });
});

describe("the form for a job", () => {
  const form = (fields: Record<string, string | File>) => {
    const data = new FormData();
    for (const [name, value] of Object.entries(fields)) data.append(name, value);
    return data;
  };

  test("stores a chosen file and submits the job with it", async () => {
    const cookie = await signIn("acme");
    const file = new File(["id,amount\n1,2\n"], "orders.csv", { type: "text/csv" });
    const fields = { "/input/file": "", "/input/file#file": file, "/input/dataset": `d-${freshKey()}` };
    const sent = await send("/dashboard/submit/csv.import", form({ ...fields, do: "submit" }), { cookie });
    expect(sent.status, words(sent.text)).toBe(303);
    const [, id = ""] = /jobs\/(job_\w+)/.exec(sent.headers.get("Location") ?? "") ?? [];
    expect((await finished(id)).result).toMatchObject({ columns: ["id", "amount"], rows_imported: 1 });
  });

  test("keeps the stored file when something else is wrong, and says what, where", async () => {
    const cookie = await signIn("acme");
    const file = new File(["id\n1\n"], "orders.csv", { type: "text/csv" });
    const fields = { "/input/file#file": file, "/input/dataset": "no such name!", "/max_attempts": "99" };
    const { status, text } = await send("/dashboard/submit/csv.import", form(fields), { cookie });
    expect(status).toBe(422);
    expect(text).toMatch(/name="\/input\/file" value="file_\w+"/);
    expect(words(text)).toContain("orders.csv, 5 bytes, is stored under this id.");
    expect(text).toMatch(/<a href="#field\/input\/dataset">input\/dataset: must be 1 to 64 letters/);
    expect(text).toMatch(
      /<input[^>]*id="field\/input\/dataset"[^>]*aria-describedby="field\/input\/dataset-fault[^>]*aria-invalid="true"/,
    );
    expect(text).toContain('<a href="#field/max_attempts">');
    expect(text).toMatch(/<details id="options"[^>]* open/);
    expect(text).toContain("<title>Error: Submit csv.import");
  });

  test("makes one job of one form, however often it is sent", async () => {
    const cookie = await signIn();
    const { text } = await open("/dashboard/submit/rehearsal", { cookie });
    const [, key = ""] = /name="\/idempotency_key"[^>]*value="([^"]+)"/.exec(text) ?? [];
    expect(key).toMatch(/^dashboard-/);
    const fields = { "/idempotency_key": key, do: "submit" };
    const [one, two] = await Promise.all(
      [1, 2].map(() => send("/dashboard/submit/rehearsal", form(fields), { cookie })),
    );
    expect(one?.headers.get("Location")).toMatch(/^\/dashboard\/jobs\/job_/);
    expect(two?.headers.get("Location")).toBe(one?.headers.get("Location"));
    const other = await send("/dashboard/submit/rehearsal", form({ ...fields, "/input/steps": "3" }), {
      cookie,
    });
    expect(other.status).toBe(422);
    expect(other.text).toContain('<a href="#field/idempotency_key">');
  });

  test("adds and removes items and shows the fields of what was chosen, without scripts", async () => {
    const cookie = await signIn();
    const path = "/dashboard/submit/rehearsal";
    const added = await send(
      path,
      form({ "/input/attempts": "1", "/input/attempts/0/outcome": "crash", do: "add /input/attempts" }),
      { cookie },
    );
    expect(added.text).toContain('name="/input/attempts/0/message"');
    expect(added.text).toContain('name="/input/attempts/1/outcome"');
    const removed = await send(
      path,
      form({ "/input/attempts": "1", "/input/attempts/0/outcome": "crash", do: "remove /input/attempts 0" }),
      { cookie },
    );
    expect(removed.text).not.toContain("/input/attempts/0/");
  });

  test("shows the command without a job being made", async () => {
    const cookie = await signIn();
    const { status, text } = await send(
      "/dashboard/submit/csv.import",
      form({ "/input/dataset": "it's", "/input/file#filename": "a.csv", do: "curl" }),
      { cookie },
    );
    expect(status).toBe(200);
    expect(words(text)).toContain("--data-binary '@a.csv'");
    expect(words(text)).toContain(`"dataset": "it'\\''s"`);
    expect(words(text)).toContain('-H "Authorization: Bearer $ACCEPTED_KEY"');
  });

  test("leads to the job that holds the place, if that was asked for", async () => {
    const cookie = await signIn();
    const fields = { "/input/place": freshKey(), "/on_conflict": "reject" };
    const first = await send("/dashboard/submit/test.place", form(fields), { cookie });
    const second = await send("/dashboard/submit/test.place", form(fields), { cookie });
    expect(second.status).toBe(422);
    const [, id] = /jobs\/(job_\w+)/.exec(first.headers.get("Location") ?? "") ?? [];
    expect(second.text).toContain(`href="/dashboard/jobs/${id}"`);
  });

  test("is refused when it cannot be read", async () => {
    const headers = {
      "Content-Type": "multipart/form-data; boundary=x",
      Origin: ORIGIN,
      "Sec-Fetch-Site": "same-origin",
    };
    const page = await visit("POST", "/dashboard/submit/rehearsal", {
      cookie: await signIn(),
      headers,
      body: "--x",
    });
    expect(page.status).toBe(400);
    expect(words(page.text)).toContain("The form could not be read");
  });
});

describe("the list", () => {
  test("is filtered by its address, pages by the API's cursor, and goes back to the first page", async () => {
    const mark = freshKey();
    const cookie = await signIn();
    const ids: string[] = [];
    for (let made = 0; made < 22; made++) ids.push((await submit({ metadata: { mark } })).job.id);
    const path = `/dashboard/jobs?status=queued&type=rehearsal&metadata=mark%3D${mark}&limit=20`;
    const listed = (html: string) => [...html.matchAll(/id="row-(job_\w+)"/g)].map(([, id]) => id);
    await expect.poll(async () => listed((await open(path, { cookie })).text)[0]).toBe(ids.at(-1));
    const first = await open(path, { cookie });
    const [, next = ""] = /id="next-page"[^>]*href="([^"]+)"/.exec(first.text) ?? [];
    const second = await open(next.replaceAll("&amp;", "&"), { cookie });
    expect([...listed(first.text), ...listed(second.text)]).toEqual(ids.reverse());
    expect(second.text).toContain('id="first-page"');
    expect(second.text).not.toContain('id="next-page"');
    expect(first.text).toMatch(/<input type="checkbox" name="status" value="queued" checked/);
    expect(first.text).toContain(`value="mark=${mark}"`);
  });

  test("says so when nothing matches, and what is wrong with a filter or a cursor", async () => {
    const cookie = await signIn();
    const text = async (query: string) => words((await open(`/dashboard/jobs?${query}`, { cookie })).text);
    expect(await text("metadata=a%3Dnothing-like-it")).toContain("No job matches this filter.");
    expect(await text("metadata=oops")).toContain("Write it as key=value.");
    expect(await text("cursor=oops")).toContain("The cursor is not valid here.");
    expect(await text("created_after=oops")).toContain("The jobs could not be listed.");
  });

  test("acts on all that match: first the number, then a job that does it, once", async () => {
    const mark = freshKey();
    const cookie = await signIn();
    for (let made = 0; made < 3; made++) await submit({ metadata: { mark } });
    const path = `/dashboard/bulk?action=cancel&metadata=mark%3D${mark}`;
    await expect.poll(async () => words((await open(path, { cookie })).text)).toContain("Cancel 3 jobs");
    const fields = fieldsOf(await open(path, { cookie }), "/bulk");
    const [one, two] = [
      await send("/dashboard/bulk", fields, { cookie }),
      await send("/dashboard/bulk", fields, { cookie }),
    ];
    expect(one.headers.get("Location")).toMatch(/^\/dashboard\/jobs\/job_\w+\?notice=bulk$/);
    expect(two.headers.get("Location")).toBe(one.headers.get("Location"));
    expect((await open("/dashboard/bulk?action=explode", { cookie })).status).toBe(404);
  });
});

describe("the overview", () => {
  test("counts what was accepted and how it ended, in pictures, sentences and tables", async () => {
    const { job } = await submit({ input: {} }, { as: "globex" });
    await finished(job.id, "globex");
    const cookie = await signIn("globex");
    const page = async () => words((await open("/dashboard", { cookie })).text);
    await expect.poll(page).toContain("In 24 hours: 1 job accepted, 1 finished.");
    const { text } = await open("/dashboard?period=7d&type=rehearsal", { cookie });
    expect(text.match(/<svg[^>]*role="img"[^>]*aria-label="[^"]{20,}"/g)).toHaveLength(4);
    expect(text).toMatch(/<th scope="row">[^<]+<\/th><td class="number">1<\/td><td class="number">1<\/td>/);
    expect(words(text)).toContain("Jobs per 6 hours");
  });

  test("shows its other parts when the totals cannot be read", async () => {
    const { text, status } = await open("/dashboard", {
      cookie: await signIn(),
      bindings: { LISTINGS: null },
    });
    expect(status).toBe(200);
    expect(words(text)).toContain("The totals could not be read. Something went wrong on our side.");
    expect(text).not.toContain("TypeError");
  });
});

describe("when the service cannot", () => {
  const passing = Object.assign(new Error("overloaded object at 0x1"), { retryable: true });
  const broken = {
    get: () => {
      throw passing;
    },
    idFromName: () => {
      throw passing;
    },
    getByName: () => {
      throw passing;
    },
  };

  test.each([
    ["429", { KEY_LIMITER: { limit: async () => ({ success: false }) } }, 429, "Too many requests"],
    ["503", { JOBS: broken }, 503, "not available for a moment"],
    ["500", { JOBS: null }, 500, "Something went wrong on our side"],
  ])(
    "it says %s in words, with a reference, and no exception's text",
    async (_code, bindings, status, said) => {
      const { job } = await submit();
      const page = await open(`/dashboard/jobs/${job.id}`, { cookie: await signIn(), bindings });
      expect(page.status).toBe(status);
      expect(words(page.text)).toContain(said);
      expect(page.text).toMatch(/urn:uuid:[0-9a-f-]{36}/);
      expect(page.text).not.toMatch(/overloaded object|TypeError|undefined|at \w+ \(/);
      if (status !== 500) expect(page.headers.get("Retry-After")).toMatch(/^\d+$/);
    },
  );

  test("a key that is no longer valid leads to signing in, and back", async () => {
    const cookie = await signIn();
    const page = await open("/dashboard/jobs?limit=50", { cookie, bindings: { API_KEYS: undefined } });
    expect(page.headers.get("Location")).toBe(
      "/dashboard/sign-in?return_to=%2Fdashboard%2Fjobs%3Flimit%3D50",
    );
  });
});
