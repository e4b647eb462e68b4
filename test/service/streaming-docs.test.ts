/** docs/using/streaming.md is true: its commands print what they are said to, and its programs follow a job to its end. */

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "../../scripts/wrangler.ts";
import { launchBrowser, noBrowser, startProxy } from "./browser.ts";
import { sharedService } from "./service.ts";

const run = promisify(execFile);
const page = await readFile(join(root, "docs/using/streaming.md"), "utf8");
const blocks = [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = "", text = ""]) => ({
  language,
  text,
}));
const programs = blocks.filter(({ language }) => language === "js").map(({ text }) => text);

/** The program that has this in it. */
function programWith(words: string): string {
  return programs.find((text) => text.includes(words)) ?? expect.fail(`no program with ${words}`);
}

const service = sharedService();

test("the commands print what is shown below them", async () => {
  const commands = blocks.filter(({ language }) => language === "sh");
  const script = commands.map(({ text }) => `${text}\necho; echo ======\n`).join("");
  const local = script.replaceAll("http://localhost:8787", service.url);
  const { stdout } = await run("sh", ["-ec", local], { cwd: root });
  const printed = stdout.replaceAll("\r", "").split("\n======\n");
  const shown = blocks.flatMap(({ language }, index) => (language === "sh" ? [blocks[index + 1]] : []));
  expect(shown.filter((block) => block?.language === "text")).toHaveLength(commands.length - 1);
  for (const [index, block] of shown.entries()) {
    const lines = block?.language === "text" ? block.text.trim().split("\n") : [];
    for (const line of lines) {
      const pattern = line.split("…").map(literally).join(".*");
      expect(printed[index]).toMatch(new RegExp(`^${pattern}$`, "m"));
    }
  }
});

/** A pattern that matches this text and nothing else. */
function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

describe("the programs for Node", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(root, "test/service/programs-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test.concurrent.each(["eventsource", "ws"])("with %s follow to the end, and end", async (name) => {
    const file = join(folder, `${name}.js`);
    await writeFile(file, programWith(`from "${name}"`));
    const id = await service.acme.simulate({ duration_ms: 2_000, steps: 2 });
    const { stdout, stderr } = await run(process.execPath, [
      file,
      `${service.url}/v1/jobs/${id}`,
      service.keys.acme.full,
    ]);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/job\.progress {.*job\.succeeded { attempt: 1 }\n$/s);
  });
});

describe.skipIf(noBrowser !== null)("the programs for browsers", () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  beforeAll(async () => {
    browser = await launchBrowser();
    proxy = await startProxy(service.url, service.keys.acme.full, "<!doctype html><title>A site</title>");
  });
  afterAll(async () => {
    proxy?.stop();
    await browser?.close();
  });

  /** Opens a page of another origin than the service's, and runs this in it. */
  async function runInPage<T>(script: string): Promise<T> {
    const tab = await browser.newPage();
    await tab.goto(proxy.url);
    return tab.evaluate<T>(script);
  }

  test("an EventSource shows progress and the end", async () => {
    const id = await service.acme.simulate({ duration_ms: 2_000, steps: 2 });
    const seen = await runInPage<unknown[]>(`new Promise((resolve) => {
      const id = ${JSON.stringify(id)}, seen = [];
      const show = (percent) => seen.push(percent), finish = (type) => resolve([...seen, type]);
      ${programWith("new EventSource(`/v1")}
    })`);
    expect(seen.slice(-2)).toEqual([100, "job.succeeded"]);
  });

  test("fetch with a key follows from another origin, to the end", async () => {
    const id = await service.acme.simulate({ duration_ms: 2_000, steps: 2 });
    const [url, key] = [`${service.url}/v1/jobs/${id}`, service.keys.acme.full].map((text) =>
      JSON.stringify(text),
    );
    const events = await runInPage<unknown[]>(`(async () => {
      ${programWith("async function subscribe")}
      const events = [];
      await subscribe(${url}, ${key}, (event) => events.push(event));
      return events;
    })()`);
    expect(events).toEqual(await service.acme.events(id));
  });
});
