/** The form, the list, the overview, and the pages for what went wrong, as a browser without scripts meets them. */

import { describe, expect, test } from "vitest";
import { finished, freshKey, submit } from "../support/http.ts";
import { fieldsOf, ORIGIN, open, send, signIn, visit, words } from "./visit.ts";

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

  test("keeps everything else when the file is refused, and says why at its field", async () => {
    const cookie = await signIn("acme");
    const file = new File(["id\n1\n"], "orders.csv", { type: "nonsense" });
    const fields = { "/input/file#file": file, "/input/dataset": "kept", "/metadata": "a: b", do: "submit" };
    const { status, text } = await send("/dashboard/submit/csv.import", form(fields), { cookie });
    expect(status).toBe(422);
    expect(text).toMatch(
      /<a href="#field\/input\/file">input\/file: orders\.csv: The request could not be understood\./,
    );
    expect(words(text)).not.toContain("Choose a file");
    expect(text).toContain('name="/input/dataset" aria-describedby="field/input/dataset-hint" required="" ');
    expect(text).toContain('value="kept"');
    expect(text).toContain("a: b</textarea>");
  });

  test("keeps a text's first line breaks", async () => {
    const cookie = await signIn();
    const fields = { "/input/url": "https://example.com", "/input/body": "\n\nfirst", do: "curl" };
    const { text } = await send("/dashboard/submit/http.request", form(fields), { cookie });
    expect(text).toMatch(/<textarea[^>]*name="\/input\/body"[^>]*>\n\n\nfirst<\/textarea>/);
  });

  test("makes one job of one form, however often it is sent", async () => {
    const cookie = await signIn();
    const { text } = await open("/dashboard/submit/test.simulate", { cookie });
    const [, key = ""] = /name="\/idempotency_key"[^>]*value="([^"]+)"/.exec(text) ?? [];
    expect(key).toMatch(/^dashboard-/);
    const fields = { "/idempotency_key": key, do: "submit" };
    const [one, two] = await Promise.all(
      [1, 2].map(() => send("/dashboard/submit/test.simulate", form(fields), { cookie })),
    );
    expect(one?.headers.get("Location")).toMatch(/^\/dashboard\/jobs\/job_/);
    expect(two?.headers.get("Location")).toBe(one?.headers.get("Location"));
    const other = await send("/dashboard/submit/test.simulate", form({ ...fields, "/input/steps": "3" }), {
      cookie,
    });
    expect(other.status).toBe(422);
    expect(other.text).toContain('<a href="#field/idempotency_key">');
  });

  test("adds and removes items and shows the fields of what was chosen, without scripts", async () => {
    const cookie = await signIn();
    const path = "/dashboard/submit/test.simulate";
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
    const page = await visit("POST", "/dashboard/submit/test.simulate", {
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
    const path = `/dashboard/jobs?status=queued&type=test.simulate&metadata=mark%3D${mark}&limit=20`;
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

  test("goes on after a page on which nothing matches", async () => {
    const next = { createdAt: 1, id: "job_0000000000000000000000000a" };
    const stub = { page: async () => ({ jobs: [], next }) };
    const bindings = { JOB_INDEXES: { getByName: () => stub, get: () => stub, idFromName: () => next.id } };
    const { text } = await open("/dashboard/jobs?metadata=a%3D1&metadata=b%3D2", {
      cookie: await signIn(),
      bindings,
    });
    expect(words(text)).toContain("No job on this page matches; the list goes on with older ones.");
    expect(text).toContain('id="next-page"');
    expect(text).not.toContain("No job matches this filter.");
    expect(text).toContain("/dashboard/bulk?action=cancel&amp;metadata=a%3D1");
  });

  test("asks for a key of the metadata once, in the list and for all that match alike", async () => {
    const cookie = await signIn();
    const { text } = await open("/dashboard/jobs?metadata=a%3D1&metadata=a%3D2", { cookie });
    expect(text).toMatch(/id="metadata-1"[^>]*aria-invalid="true"/);
    expect(text).not.toMatch(/id="metadata-0"[^>]*aria-invalid/);
    expect(words(text)).toContain("A key can be asked for once.");
    const bulk = await open("/dashboard/bulk?action=delete&metadata=a%3D1&metadata=+a%3D2", { cookie });
    expect(bulk.status).toBe(404);
  });

  test("keeps a time of another zone when its form is sent again", async () => {
    const path = "/dashboard/jobs?created_after=2026-11-22T01%3A30%3A00%2B02%3A00";
    const { text } = await open(path, { cookie: await signIn() });
    expect(text).toMatch(/name="created_after"[^>]*value="2026-11-21T23:30:00"/);
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
    const { text } = await open("/dashboard?period=7d&type=test.simulate", { cookie });
    expect(text.match(/<svg[^>]*role="img"[^>]*aria-label="[^"]{20,}"/g)).toHaveLength(4);
    expect(text).toMatch(/<th scope="row">[^<]+<\/th><td class="number">1<\/td><td class="number">1<\/td>/);
    expect(words(text)).toContain("Jobs per 6 hours");
  });

  test("shows its other parts when the totals cannot be read", async () => {
    const { text, status } = await open("/dashboard", {
      cookie: await signIn(),
      bindings: { JOB_INDEXES: null },
    });
    expect(status).toBe(200);
    expect(words(text)).toContain("The totals could not be read. Something went wrong on our side.");
    expect(text, "read aloud again with each look").not.toContain('role="alert"');
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
