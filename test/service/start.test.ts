/** `npm start` as a process among others: it says where it is, and leaves nothing behind when it goes. */

import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { endGroup, finishNpmRun, groupOf, npmRun } from "./scripts.ts";

let stateDir: string;
beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "accepted-test-"));
});
afterAll(() => rm(stateDir, { recursive: true, force: true }));

/** Starts it on a free port and answers once it serves. */
async function start(name: string) {
  const { child, output } = npmRun("start", [], { PORT: "0", STATE_DIR: join(stateDir, name) });
  started.push(child);
  const url = await vi.waitFor(
    () => {
      const [found] = output.stderr.match(/http:\/\/localhost:\d+/) ?? [];
      if (!found) throw new Error(`not started: ${output.stderr}`);
      return found;
    },
    { timeout: 60_000 },
  );
  return { child, output, url };
}

const started: ReturnType<typeof npmRun>["child"][] = [];
/** Also after a failure: what was started must not outlive its test. */
afterEach(() => Promise.all(started.splice(0).map(endGroup)));

test("several can run side by side, each says its address in one line, and SIGTERM ends all of each", async () => {
  const both = await Promise.all([start("one"), start("two")]);
  expect(new Set(both.map(({ url }) => url)).size).toBe(2);
  for (const { child, output, url } of both) {
    expect((await fetch(`${url}/v1/health`)).status).toBe(200);
    expect(output.stderr.trim().split("\n")).toHaveLength(1);
    const events = output.stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line).event);
    expect(events.sort()).toEqual([...Array(4).fill("key_created"), "tenant_created", "tenant_created"]);
    child.kill("SIGTERM");
    await vi.waitFor(() => expect(groupOf(child)).toEqual([]), { timeout: 20_000 });
  }
});

test("a port that is taken is named, and nothing is started", async () => {
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const address = holder.address();
  const port = typeof address === "object" ? String(address?.port) : "";
  const { status, stderr, leftBehind } = await finishNpmRun("start", [], {
    PORT: port,
    STATE_DIR: join(stateDir, "none"),
  });
  holder.close();
  expect(status).toBe(1);
  expect(stderr).toMatch(new RegExp(`^Port ${port} cannot be used\\..*npm start\n$`));
  expect(leftBehind).toEqual([]);
  expect(await readdir(stateDir)).not.toContain("none");
});

test("keys: made at the first start → printed as pure JSON, and managed by a command", async () => {
  const STATE_DIR = join(stateDir, "keys");
  const { url } = await start("keys");
  const keys = JSON.parse((await finishNpmRun("dev-keys", [], { STATE_DIR })).stdout);
  expect(Object.keys(keys)).toEqual(["admin", "acme", "globex"]);

  const run = (...args: string[]) =>
    finishNpmRun("keys", [...args, "--tenant", "initech", "--url", url], { ADMIN_KEY: keys.admin });
  const statusOf = async (key: string) =>
    (await fetch(`${url}/v1/me`, { headers: { Authorization: `Bearer ${key}` } })).status;
  const key = (await run("create", "--scopes", "jobs:read")).stdout.trim();
  expect(await statusOf(key)).toBe(200);
  const [line = ""] = (await run("list")).stdout.split("\n");
  expect(line).toMatch(/^key_\w+ {2}initech {2}jobs:read {2}expires 2\S+Z {2}last used 2/);
  const id = line.split(" ")[0] ?? "";
  const next = (await run("rotate", "--id", id, "--overlap-hours", "0")).stdout.trim();
  expect(await statusOf(next)).toBe(200);
  await vi.waitFor(async () => expect(await statusOf(key)).toBe(401), { timeout: 10_000 });
  const nextId = `key_${next.split("_")[2]}`;
  expect((await run("revoke", "--id", nextId)).status).toBe(0);
  await vi.waitFor(async () => expect(await statusOf(next)).toBe(401), { timeout: 10_000 });
});
