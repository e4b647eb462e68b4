/**
 * Transcodes a video with ffmpeg, segment by segment. Each segment is stored before the next begins, and the checkpoint
 * names those that are: the worker that goes on after a crash encodes none of them again.
 */

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { Run } from "./service.ts";

export type TranscodeInput = { file: string; height: number; segment_seconds?: number };
export type Transcoded = { file: string; seconds: number; segments: number };

/** The input is none that can be transcoded. */
export class NoVideo extends Error {}

const SEGMENT_SECONDS = 10;

/** What earlier runs have stored. `stored` is what `onSegment` is told: which segment this run has encoded. */
export async function transcode(
  run: Run,
  { file, height, segment_seconds = SEGMENT_SECONDS }: TranscodeInput,
  checkpoint: unknown,
  onSegment: (number: number) => void,
): Promise<Transcoded> {
  const folder = await mkdtemp(join(tmpdir(), "transcode-"));
  try {
    const source = join(folder, "source");
    await run.download(file, source);
    const seconds = await durationOf(source);
    const segments = Math.ceil(seconds / segment_seconds);
    const stored = [...((checkpoint as { segments?: string[] } | null)?.segments ?? [])];
    for (let index = stored.length; index < segments; index += 1) {
      const path = join(folder, `${index}.ts`);
      const from = index * segment_seconds;
      await encode({ source, path, height, from, seconds: segment_seconds }, run.signal, (done) =>
        run.progress({
          current: Math.min(seconds, from + done),
          total: seconds,
          unit: "seconds",
          stage: "encoding",
        }),
      );
      stored.push(await run.upload(path, "video/mp2t"));
      await run.saveCheckpoint({ segments: stored });
      onSegment(index);
    }
    const joined = await joinSegments(run, folder, stored);
    return { file: await run.upload(joined, "video/mp4"), seconds, segments };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The length of a video in seconds. */
export async function durationOf(path: string): Promise<number> {
  const entries = ["-show_entries", "format=duration", "-of", "csv=p=0"];
  const { stdout } = await promisify(execFile)("ffprobe", ["-v", "error", ...entries, path]).catch(() => {
    throw new NoVideo("ffprobe cannot read the file.");
  });
  const seconds = Number(stdout.trim());
  if (!(seconds > 0)) throw new NoVideo("The file has no duration.");
  return seconds;
}

type Segment = { source: string; path: string; height: number; from: number; seconds: number };

/** Encodes one segment; `onTime` is told how many of its seconds are done. */
async function encode(
  { source, path, height, from, seconds }: Segment,
  signal: AbortSignal,
  onTime: (seconds: number) => void,
): Promise<void> {
  const cut = ["-ss", String(from), "-t", String(seconds), "-i", source];
  const video = ["-vf", `scale=-2:${height}`, "-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac"];
  const place = ["-output_ts_offset", String(from), "-f", "mpegts"];
  await ffmpeg([...cut, ...video, ...place, "-progress", "pipe:1", path], signal, (line) => {
    const [, micros] = /^out_time_us=(\d+)/.exec(line) ?? [];
    if (micros !== undefined) onTime(Math.min(seconds, Math.max(0, Number(micros) / 1e6 - from)));
  });
}

/** The segments as one file, without encoding them again. */
async function joinSegments(run: Run, folder: string, fileIds: readonly string[]): Promise<string> {
  const paths: string[] = [];
  for (const [index, fileId] of fileIds.entries()) {
    const path = join(folder, `stored-${index}.ts`);
    await run.download(fileId, path);
    paths.push(path);
  }
  const joined = join(folder, "joined.mp4");
  const copy = ["-c", "copy", "-bsf:a", "aac_adtstoasc", joined];
  await ffmpeg(["-i", `concat:${paths.join("|")}`, ...copy], run.signal, () => undefined);
  return joined;
}

/** Runs ffmpeg; it is killed when the signal aborts. */
async function ffmpeg(args: string[], signal: AbortSignal, onLine: (line: string) => void): Promise<void> {
  const child = spawn("ffmpeg", ["-v", "error", "-y", "-nostdin", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const kill = () => child.kill("SIGKILL");
  signal.addEventListener("abort", kill);
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said = (said + String(chunk)).slice(-4_000);
  });
  createInterface({ input: child.stdout }).on("line", onLine);
  const [code] = await once(child, "close");
  signal.removeEventListener("abort", kill);
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`ffmpeg ended with ${code}: ${said}`);
}
