/** The video workers of examples/, with a real ffmpeg: killed, continued by the other language, cancelled. */

import { execFile, spawn, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sharedService } from "./service.ts";

const EXAMPLE = join(import.meta.dirname, "../../examples/video-worker");
const isThere = (command: string) => spawnSync(command, ["-version"]).error === undefined;
const isMissing = !isThere("ffmpeg") || !isThere("python3");

type Line = { event: string; job: string; segment?: number };
type Worker = {
  lines: Line[];
  heard: (event: string) => Promise<Line>;
  kill: (signal: NodeJS.Signals) => void;
};

const SECONDS = 6;

describe.skipIf(isMissing)("the video workers", () => {
  const { url, keys, acme } = sharedService();
  const workers: Worker[] = [];
  /** Of one test: a claim of a worker that was killed may still wait for jobs of its type. */
  let type = "";
  let folder = "";
  let file = "";

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "video-"));
    const picture = ["-f", "lavfi", "-i", `testsrc=duration=${SECONDS}:size=160x120:rate=15`];
    const sound = ["-f", "lavfi", "-i", `sine=frequency=440:duration=${SECONDS}`];
    const path = join(folder, "in.mp4");
    const form = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", path];
    await promisify(execFile)("ffmpeg", ["-v", "error", "-y", ...picture, ...sound, ...form]);
    const stored = await acme.call<{ id: string }>("POST", "/v1/files", await readFile(path), {
      "Content-Type": "video/mp4",
    });
    file = stored.data.id;
  });
  beforeEach(async () => {
    type = `video.${crypto.randomUUID().slice(0, 8)}`;
    const definition = JSON.parse(await readFile(join(EXAMPLE, "type.json"), "utf8"));
    const limits = { ...definition.limits, lease_ms: 10_000 };
    const declared = await acme.call("PUT", `/v1/job-types/${type}`, { ...definition, limits });
    expect(declared.status, declared.text).toBe(201);
  });
  afterEach(async () => {
    for (const worker of workers.splice(0)) worker.kill("SIGKILL");
    await acme.call("DELETE", `/v1/job-types/${type}`);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  function startWorker(language: "typescript" | "python"): Worker {
    const command = language === "python" ? ["python3", "worker.py"] : [process.execPath, "worker.ts"];
    const [program = "", ...args] = command;
    const env = { ...process.env, ACCEPTED_URL: url, ACCEPTED_KEY: keys.acme.full, JOB_TYPE: type };
    const child = spawn(program, args, { cwd: EXAMPLE, env, stdio: ["ignore", "pipe", "inherit"] });
    const lines: Line[] = [];
    const reader = createInterface({ input: child.stdout });
    reader.on("line", (line) => lines.push(JSON.parse(line)));
    const heard = (event: string) =>
      new Promise<Line>((resolve) => {
        const look = () => {
          const found = lines.find((line) => line.event === event);
          if (found) resolve(found);
        };
        reader.on("line", look);
        look();
      });
    const worker = { lines, heard, kill: (signal: NodeJS.Signals) => void child.kill(signal) };
    workers.push(worker);
    return worker;
  }

  async function secondsOf(id: string): Promise<number> {
    const bytes = await fetch(`${url}/v1/jobs/${id}/result`, {
      headers: { Authorization: `Bearer ${keys.acme.full}` },
    });
    const path = join(folder, `${id}.mp4`);
    await writeFile(path, new Uint8Array(await bytes.arrayBuffer()));
    const asked = ["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", path];
    return Number((await promisify(execFile)("ffprobe", asked)).stdout);
  }

  test("killed with -9 after a segment → the other language goes on, and encodes no segment again", async () => {
    const first = startWorker("typescript");
    const input = { file, height: 120, segment_seconds: 2 };
    const id = await acme.submit({ type, input });
    const { segment } = await first.heard("segment");
    first.kill("SIGKILL");
    const stored = segment ?? 0;
    const second = startWorker("python");
    const job = await acme.finished(id, 90_000);
    expect(job).toMatchObject({ status: "succeeded", attempt: 2 });
    expect(job.attempts.map(({ status, worker }) => [status, worker?.name])).toEqual([
      ["lost", "video-worker"],
      ["succeeded", "video-worker-py"],
    ]);
    const encoded = second.lines.flatMap((line) => (line.event === "segment" ? [line.segment ?? -1] : []));
    expect(Math.min(...encoded)).toBeGreaterThan(stored);
    expect(encoded.length + new Set(first.lines.flatMap((line) => line.segment ?? [])).size).toBe(3);
    expect(Math.abs((await secondsOf(id)) - SECONDS)).toBeLessThan(0.1);
  });

  test("SIGTERM → the run is given back, and the same attempt goes on", async () => {
    const first = startWorker("python");
    const id = await acme.submit({ type, input: { file, height: 120, segment_seconds: 2 } });
    await first.heard("segment");
    first.kill("SIGTERM");
    await first.heard("ended");
    startWorker("typescript");
    expect(await acme.finished(id, 90_000)).toMatchObject({ status: "succeeded", attempt: 1 });
    expect(Math.abs((await secondsOf(id)) - SECONDS)).toBeLessThan(0.1);
  });

  test("cancelled → ffmpeg is dead, and the worker has said so", async () => {
    const worker = startWorker("typescript");
    const id = await acme.submit({ type, input: { file, height: 720, segment_seconds: 600 } });
    await worker.heard("claimed");
    await acme.cancel(id);
    const job = await acme.waitUntil(id, (one) => one.cancellation?.acknowledged_at != null, 60_000);
    expect(job.status).toBe("cancelled");
    expect((await worker.heard("ended")).job).toBe(id);
  });

  test("a file that is no video → failed, as the worker says", async () => {
    startWorker("python");
    const stored = await acme.call<{ id: string }>("POST", "/v1/files", "no video", {
      "Content-Type": "text/plain",
    });
    const id = await acme.submit({ type, input: { file: stored.data.id, height: 120 } });
    const { status, error } = await acme.finished(id, 60_000);
    expect([status, error?.code]).toEqual(["failed", "no_video"]);
  });
});
