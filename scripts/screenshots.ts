/**
 * `npm run screenshots`: takes the pictures in docs/images of the dashboard, in Chromium, of a service started here
 * with a storage of its own and jobs of every kind. Everything but the pictures is removed afterwards.
 */

import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import { launchBrowser } from "../test/service/browser.ts";
import { startService } from "./service.ts";
import { root } from "./wrangler.ts";

/** A picture in a document must load quickly. */
const PICTURE_BYTES_MAX = 200_000;

const DESKTOP = { width: 1180, height: 860 };
const PHONE = { width: 360, height: 760 };
const CUSTOMERS = ["northwind", "contoso", "fabrikam"];

const OUTAGE = {
  outcome: "fail",
  kind: "service_unavailable",
  code: "export_source_unavailable",
  message: "The export source is temporarily unavailable.",
  retry_after_ms: 500,
};
const SLOW = {
  outcome: "fail",
  kind: "timeout",
  message: "The bank took too long to answer.",
  retry_after_ms: 500,
};
const BAD = {
  outcome: "fail",
  kind: "invalid_input",
  code: "unknown_column",
  message: "There is no column foo.",
};

type Jobs = { failed: string; running: string };

/** As much of a client as is needed here. Throws unless a request is answered well. */
function openClient(url: string, key: string) {
  async function call<Data>(
    method: string,
    path: string,
    body?: BodyInit,
    headers: Record<string, string> = {},
  ) {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${key}`, ...headers },
      ...(body !== undefined && { body }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return ((await response.json()) as { data: Data }).data;
  }
  const json = { "Content-Type": "application/json" };
  const submit = async (request: object): Promise<string> =>
    (await call<{ id: string }>("POST", "/v1/jobs", JSON.stringify(request), json)).id;
  return {
    submit,
    simulate: (input: object, request: object = {}) => submit({ type: "test.simulate", input, ...request }),
    upload: async (csv: string) =>
      (await call<{ id: string }>("POST", "/v1/files", csv, { "Content-Type": "text/csv" })).id,
    finished: (id: string) => call("GET", `/v1/jobs/${id}`, undefined, { Prefer: "wait=60" }),
  };
}

/** Jobs as a busy hour brings them; the ids of the two that have pictures of their own. */
async function makeJobs(acme: ReturnType<typeof openClient>): Promise<Jobs> {
  const metadata = (index: number) => ({ customer: CUSTOMERS[index % CUSTOMERS.length] ?? "" });
  const ids: string[] = [];
  for (let index = 0; index < 48; index++) {
    const attempts = index % 9 === 4 ? [SLOW, { outcome: "succeed" }] : index % 16 === 7 ? [BAD] : undefined;
    const input = { duration_ms: (index % 7) * 150, ...(attempts && { attempts }) };
    ids.push(await acme.simulate(input, { metadata: metadata(index) }));
  }
  const csv = `id,country,amount\n${Array.from({ length: 2_000 }, (_, row) => `${row},DE,${row}.5`).join("\n")}\n`;
  ids.push(
    await acme.submit({ type: "csv.import", input: { file: await acme.upload(csv), dataset: "orders" } }),
  );
  for (const id of ids) await acme.finished(id);
  const waiting = { attempts: [{ ...SLOW, retry_after_ms: 600_000 }] };
  await acme.simulate(waiting, { metadata: metadata(1) });
  await acme.simulate({}, { run_at: new Date(Date.now() + 3_600_000).toISOString() });
  const running = await acme.simulate({ duration_ms: 40_000, steps: 40 }, { metadata: metadata(2) });
  const failed = await acme.simulate(
    { duration_ms: 400, attempts: [SLOW, OUTAGE] },
    { metadata: metadata(0) },
  );
  await acme.finished(failed);
  return { failed, running };
}

type Picture = {
  name: string;
  path: string;
  options?: BrowserContextOptions;
  ready?: (page: Page) => Promise<unknown>;
};

function picturesOf({ failed, running }: Jobs): Picture[] {
  // In steps of two or three per cent, so that this is somewhere from 30 on.
  const isMoving = (page: Page) => page.locator('progress[value^="3"]').waitFor();
  return [
    { name: "running-job", path: `/dashboard/jobs/${running}`, ready: isMoving },
    { name: "phone", path: `/dashboard/jobs/${running}`, options: { viewport: PHONE }, ready: isMoving },
    { name: "overview", path: "/dashboard" },
    { name: "overview-dark", path: "/dashboard", options: { colorScheme: "dark" } },
    { name: "list", path: "/dashboard/jobs?status=failed&status=running" },
    { name: "failed-job", path: `/dashboard/jobs/${failed}` },
    { name: "submit", path: "/dashboard/submit/test.simulate" },
  ];
}

/** Signs in and takes the pictures, each in a window of its own. */
async function takePictures(url: string, key: string, pictures: Picture[]): Promise<void> {
  const browser = await launchBrowser();
  try {
    for (const { name, path, options, ready } of pictures) {
      const context = await browser.newContext({ baseURL: url, viewport: DESKTOP, ...options });
      const page = await context.newPage();
      await page.goto(path);
      await page.getByLabel("API key").fill(key);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("button", { name: "Sign out" }).waitFor();
      await ready?.(page);
      const file = join(root, "docs/images", `${name}.png`);
      await page.screenshot({ path: file, animations: "disabled" });
      const { size } = await stat(file);
      if (size > PICTURE_BYTES_MAX) throw new Error(`${file} is too large: ${size} bytes`);
      console.log(`docs/images/${name}.png, ${Math.round(size / 1024)} KiB`);
      await context.close();
    }
  } finally {
    await browser.close();
  }
}

const stateDir = await mkdtemp(join(tmpdir(), "accepted-screenshots-"));
const service = await startService({ stateDir });
try {
  const jobs = await makeJobs(openClient(service.url, service.keys.acme.full));
  await takePictures(service.url, service.keys.acme.full, picturesOf(jobs));
} finally {
  await service.stop();
  await rm(stateDir, { recursive: true, force: true });
}
