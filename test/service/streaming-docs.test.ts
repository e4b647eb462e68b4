/**
 * docs/using/streaming.md and docs/using/webhooks.md are true: the commands print what is shown, the programs receive
 * every event up to the terminal one, and the receiver of webhooks verifies them.
 */

import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { root } from "../../scripts/wrangler.ts";
import { launchBrowser, noBrowser, startProxy } from "./browser.ts";
import { sharedService } from "./service.ts";

const run = promisify(execFile);

/** The fenced blocks of a guide, in their order. */
async function blocksOf(guide: string) {
  const text = await readFile(join(root, "docs/using", guide), "utf8");
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = "", code = ""]) => ({
    language,
    text: code,
  }));
}

const blocks = await blocksOf("streaming.md");
const webhookBlocks = await blocksOf("webhooks.md");

/** The block of either guide that contains `words`. */
function blockWith(words: string): string {
  const all = [...blocks, ...webhookBlocks];
  return all.find(({ text }) => text.includes(words))?.text ?? expect.fail(`no block with ${words}`);
}

const service = sharedService();

test("streaming guide: commands in one shell → print what is shown below them", async () => {
  const commands = blocks.filter(({ language }) => language === "sh");
  const script = commands.map(({ text }) => `${text}\necho; echo ======\n`).join("");
  const local = script.replaceAll("http://localhost:8787", service.url);
  const env = { ...process.env, STATE_DIR: inject("service").stateDir };
  const { stdout } = await run("sh", ["-ec", local], { cwd: root, env });
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

/** A pattern that matches exactly this text. */
function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

describe("programs for Node", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(root, "test/service/programs-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test.concurrent.each(["eventsource", "ws"])(
    "%s: running job → all its events, then the process exits",
    async (name) => {
      const file = join(folder, `${name}.js`);
      await writeFile(file, blockWith(`from "${name}"`));
      const id = await service.acme.simulate({ duration_ms: 2_000, steps: 2 });
      const { stdout, stderr } = await run(process.execPath, [
        file,
        `${service.url}/v1/jobs/${id}`,
        service.keys.acme.full,
      ]);
      expect(stderr).toBe("");
      expect(stdout).toMatch(/job\.progress {.*job\.succeeded { attempt: 1 }\n$/s);
    },
  );
});

describe.skipIf(noBrowser !== null)("programs for browsers", () => {
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

  /** Opens a page of another origin than the service's and runs the script in it. */
  async function runInPage<T>(script: string): Promise<T> {
    const tab = await browser.newPage();
    await tab.goto(proxy.url);
    return tab.evaluate<T>(script);
  }

  test("EventSource: running job → its progress and its terminal event", async () => {
    const id = await service.acme.simulate({ duration_ms: 2_000, steps: 2 });
    const { data } = await service.acme.call("POST", `/v1/jobs/${id}/tokens`, { allow: ["events"] });
    const seen = await runInPage<unknown[]>(`new Promise((resolve) => {
      const origin = ${JSON.stringify(service.url)}, token = ${JSON.stringify(data)}, seen = [];
      const show = (percent) => seen.push(percent), finish = (type) => resolve([...seen, type]);
      ${blockWith("new EventSource(origin")}
    })`);
    expect(seen.slice(-2)).toEqual([100, "job.succeeded"]);
  });

  test("fetch with a key: page of another origin → all events", async () => {
    const id = await service.acme.simulate({ duration_ms: 2_000, steps: 2 });
    const [url, key] = [`${service.url}/v1/jobs/${id}`, service.keys.acme.full].map((text) =>
      JSON.stringify(text),
    );
    const events = await runInPage<object[]>(`(async () => {
      ${blockWith("async function subscribe")}
      const events = [];
      await subscribe(${url}, ${key}, (event) => events.push(event));
      return events;
    })()`);
    expect(events.filter((event) => "seq" in event)).toEqual(await service.acme.events(id));
  });
});

describe("the receiver of webhooks", () => {
  const receiver = blockWith('from "standardwebhooks"');
  let folder: string;
  let child: ReturnType<typeof spawn>;
  let lines: AsyncIterator<string>;
  let port: string;

  /** The next line that the receiver prints. */
  const nextLine = async (): Promise<string> => (await lines.next()).value;

  beforeAll(async () => {
    const { data } = await service.acme.call<{ secret: string }>("GET", "/v1/webhook-secret");
    folder = await mkdtemp(join(root, "test/service/programs-"));
    const file = join(folder, "receiver.js");
    const onFreePort = "listen(0, function () { console.log(this.address().port); })";
    await writeFile(file, receiver.replace("listen(3000)", onFreePort));
    child = spawn(process.execPath, [file], {
      env: { ...process.env, SECRET: data.secret },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const { stdout } = child;
    if (!stdout) throw new Error("The receiver has no output.");
    lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
    port = await nextLine();
  });
  afterAll(async () => {
    child?.kill();
    await rm(folder, { recursive: true });
  });

  test("receiver: the guide's submission → verifies and prints the terminal event", async () => {
    const command = blockWith('"webhook": {"url"')
      .replace("http://localhost:8787", service.url)
      .replace("localhost:3000", `localhost:${port}`);
    const env = { ...process.env, KEY: service.keys.acme.full };
    const { stdout } = await run("sh", ["-ec", command.replace("curl", "curl -s")], { env });
    const { id } = JSON.parse(stdout).data;
    expect(await nextLine()).toBe(`job.succeeded ${id}`);
  });

  test("receiver: forged signature → 400", async () => {
    const headers = {
      "webhook-id": "msg_1",
      "webhook-timestamp": String(Math.floor(Date.now() / 1_000)),
      "webhook-signature": "v1,Zm9yZ2Vk",
    };
    const response = await fetch(`http://localhost:${port}/`, { method: "POST", headers, body: "{}" });
    expect(response.status).toBe(400);
  });
});
