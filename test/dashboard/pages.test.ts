/** The submit page, the list, the overview, and the pages for what went wrong, as a browser without scripts meets them. */

import { describe, expect, test } from "vitest";
import { StalledStream } from "../../src/lib/request-chunks.ts";
import { finished, freshKey, submit } from "../support/http.ts";
import { fieldsOf, noticeOf, ORIGIN, open, send, signIn, visit, words } from "./visit.ts";

describe("submit page", () => {
  const PATH = "/dashboard/submit/test.simulate";
  const form = (body: unknown, fields: Record<string, string | File> = {}) => {
    const data = new FormData();
    data.append("body", typeof body === "string" ? body : JSON.stringify(body));
    for (const [name, value] of Object.entries(fields)) data.append(name, value);
    return data;
  };
  const bodyIn = (text: string) => {
    const [, escaped = ""] = /<textarea[^>]*>\n([\s\S]*?)<\/textarea>/.exec(text) ?? [];
    return escaped
      .replaceAll("&quot;", '"')
      .replaceAll("&#39;", "'")
      .replaceAll("&lt;", "<")
      .replaceAll("&amp;", "&");
  };

  test("submit page: opened → has the type's example as a valid body, which can be sent as it is", async () => {
    const cookie = await signIn("acme");
    const body = bodyIn((await open(PATH, { cookie })).text);
    expect(JSON.parse(body)).toMatchObject({ type: "test.simulate", input: { duration_ms: 5_000 } });
    const sent = await send(PATH, form(body, { do: "submit" }), { cookie });
    expect(sent.headers.get("Location")).toMatch(/^\/dashboard\/jobs\/job_\w+$/);
    expect(noticeOf(sent)).toBe("submitted");
  });

  test("submit page: a file is chosen → stored, its id put into the input, and the job uses it", async () => {
    const cookie = await signIn("acme");
    const file = new File(["id,amount\n1,2\n"], "orders.csv", { type: "text/csv" });
    const json = { type: "csv.import", input: { file: "", dataset: `d-${freshKey()}` } };
    const stored = await send("/dashboard/submit/csv.import", form(json, { file, do: "upload" }), { cookie });
    expect(stored.status).toBe(200);
    expect(words(stored.text)).toMatch(/orders\.csv, 14 bytes, is stored as file_\w+\./);
    const body = bodyIn(stored.text);
    expect(JSON.parse(body).input).toEqual({ ...json.input, file: expect.stringMatching(/^file_/) });
    const sent = await send("/dashboard/submit/csv.import", form(body), { cookie });
    const [, id = ""] = /jobs\/(job_\w+)/.exec(sent.headers.get("Location") ?? "") ?? [];
    expect((await finished(id)).result).toMatchObject({ columns: ["id", "amount"], rows_imported: 1 });
  });

  test("submit page: fields are wrong → 422, each pointer with its sentence, the text kept", async () => {
    const cookie = await signIn("acme");
    const json = {
      type: "csv.import",
      input: { file: "file_1", dataset: "no such name!" },
      max_attempts: 99,
    };
    const { status, text } = await send("/dashboard/submit/csv.import", form(json), { cookie });
    expect(status).toBe(422);
    expect(words(text)).toContain("#/input/dataset : must be 1 to 64 letters");
    expect(words(text)).toContain("#/max_attempts : ");
    expect(JSON.parse(bodyIn(text))).toEqual(json);
    expect(text).toContain("<title>Error: Submit csv.import");
  });

  test("submit page: the text is no JSON → 422 with line and column, the text kept", async () => {
    const { status, text } = await send(PATH, form('{\n  "type": }'), { cookie: await signIn() });
    expect(status).toBe(422);
    expect(words(text)).toContain("line 2, column 12 : This is not JSON.");
    expect(bodyIn(text)).toBe('{\n  "type": }');
  });

  test("submit page: the file is refused → says why, nothing is submitted, the text kept", async () => {
    const file = new File(["id\n1\n"], "orders.csv", { type: "nonsense" });
    const json = { type: "csv.import", input: { file: "", dataset: "kept" } };
    const cookie = await signIn("acme");
    const { status, text } = await send("/dashboard/submit/csv.import", form(json, { file }), { cookie });
    expect(status).toBe(422);
    expect(words(text)).toContain("orders.csv : The request could not be understood.");
    expect(JSON.parse(bodyIn(text))).toEqual(json);
  });

  test("submit page: the form is sent twice → one job; with another text → refused", async () => {
    const cookie = await signIn();
    const { text } = await open(PATH, { cookie });
    const [, key = ""] = /name="idempotency_key" value="([^"]+)"/.exec(text) ?? [];
    expect(key).toMatch(/^dashboard-/);
    const json = { type: "test.simulate", input: {} };
    const sent = await Promise.all(
      [1, 2].map(() => send(PATH, form(json, { idempotency_key: key }), { cookie })),
    );
    expect(new Set(sent.map(({ headers }) => headers.get("Location"))).size).toBe(1);
    expect(sent.map(noticeOf).sort()).toEqual(["repeated", "submitted"]);
    const other = { ...json, input: { steps: 3 } };
    const third = await send(PATH, form(other, { idempotency_key: key }), { cookie });
    expect(third.status).toBe(422);
    expect(words(third.text)).toContain("The idempotency key belongs to another request.");
  });

  test.each(["\0", "a\0b", "a\r\nb", '"a\nb"', "\u{10ffff}"])(
    "submit page, replay and bulk: the idempotency key %j, which no header can hold → refused",
    async (key) => {
      const cookie = await signIn("acme");
      const { job } = await submit({ input: {} }, { as: "acme" });
      await finished(job.id);
      const asOf = new Date().toISOString();
      const answers = [
        await send(PATH, form({ type: "test.simulate", input: {} }, { idempotency_key: key }), { cookie }),
        await send(`/dashboard/jobs/${job.id}/replay`, { idempotency_key: key }, { cookie }),
        await send("/dashboard/bulk", { action: "delete", as_of: asOf, idempotency_key: key }, { cookie }),
      ];
      for (const { text } of answers) expect(words(text)).toContain("The idempotency key is not acceptable.");
    },
  );

  test("submit page: shows the curl command of its text", async () => {
    const json = { type: "csv.import", input: { dataset: "it's" } };
    const { text } = await send("/dashboard/submit/csv.import", form(json, { do: "upload" }), {
      cookie: await signIn(),
    });
    expect(words(text)).toContain(`"dataset":"it'\\''s"`);
    expect(words(text)).toContain('-H "Authorization: Bearer $ACCEPTED_KEY"');
  });

  test("submit page: a job with the unique key is active and on_conflict is reject → links that job", async () => {
    const cookie = await signIn();
    const json = { type: "test.place", input: { place: freshKey() }, on_conflict: "reject" };
    const first = await send("/dashboard/submit/test.place", form(json), { cookie });
    const second = await send("/dashboard/submit/test.place", form(json), { cookie });
    expect(second.status).toBe(422);
    const [, id] = /jobs\/(job_\w+)/.exec(first.headers.get("Location") ?? "") ?? [];
    expect(second.text).toContain(`href="/dashboard/jobs/${id}"`);
  });

  const post = async (body: BodyInit, contentType = "multipart/form-data; boundary=x") =>
    visit("POST", PATH, {
      cookie: await signIn(),
      headers: { "Content-Type": contentType, Origin: ORIGIN, "Sec-Fetch-Site": "same-origin" },
      body: typeof body === "string" ? new TextEncoder().encode(body) : body,
    });
  const part = (name: string, text = "") =>
    `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`;

  test.each([
    ["cut off", "--x", undefined],
    ["cut off in a part", part("body", "{}").slice(0, -4), undefined],
    ["without a boundary", part("body"), "multipart/form-data"],
    ["with 40,000 parts", `${part("a").repeat(40_000)}--x--\r\n`, undefined],
    ["with a text above 1 MiB", `${part("body", "x".repeat(1024 * 1024 + 1))}--x--\r\n`, undefined],
  ])("submit page: a form %s → 400", async (_what, body, type) => {
    const page = await post(body, type);
    expect(page.status).toBe(400);
    expect(words(page.text)).toContain("The form could not be read");
  });

  test("submit page: a form of 40,000 parts arrives in pieces → refused long before its end", async () => {
    let sent = 0;
    const piece = new TextEncoder().encode(part("a").repeat(100));
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (sent === 400) controller.close();
        else controller.enqueue(piece);
        sent += 1;
      },
    });
    expect((await post(body)).status).toBe(400);
    expect(sent).toBeLessThan(20);
  });

  test.each([
    ["of the submit page", PATH, "multipart/form-data; boundary=x"],
    ["to sign in", "/dashboard/sign-in", "application/x-www-form-urlencoded"],
  ])("a form %s: its sender stalls → 408", async (_what, path, type) => {
    const body = new ReadableStream({ pull: () => Promise.reject(new StalledStream()) });
    const headers = { "Content-Type": type, Origin: ORIGIN, "Sec-Fetch-Site": "same-origin" };
    const page = await visit("POST", path, { cookie: await signIn(), headers, body });
    expect(page.status).toBe(408);
    expect(words(page.text)).toContain("Nothing was done");
  });

  test("submit page: a field name of 15,000 characters → passed over", async () => {
    const page = await post(`${part("n".repeat(15_000))}--x--\r\n`);
    expect(page.status).toBe(422);
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
    const partition = { name: "p", from: 0, until: Date.now() + 1 };
    const directory = { partitions: async () => [partition] };
    const bindings = {
      JOB_INDEXES: { getByName: () => stub },
      INDEX_DIRECTORIES: { getByName: () => directory },
    };
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
    expect(one.headers.get("Location")).toMatch(/^\/dashboard\/jobs\/job_\w+$/);
    expect(noticeOf(one)).toBe("bulk");
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
      bindings: { INDEX_DIRECTORIES: null },
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
    idFromString: (id: string) => id,
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
    const page = await open("/dashboard/jobs?limit=50", {
      cookie,
      bindings: { SIGNING_SECRET: "x".repeat(32) },
    });
    expect(page.headers.get("Location")).toBe(
      "/dashboard/sign-in?return_to=%2Fdashboard%2Fjobs%3Flimit%3D50&why=over",
    );
  });
});
