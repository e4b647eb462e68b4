/** What a remote worker says to the service: claims, and everything about the run it has claimed. */

import { createReadStream, createWriteStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";

export type Progress = { current: number; total: number; unit: string; stage: string };

/** A claimed run, as the service answers it. */
export type ClaimedRun = {
  job: { id: string; input: unknown; checkpoint: unknown; attempt: number };
  attempt_token: string;
  report_within_ms: number;
  links: Record<"report" | "checkpoint" | "succeed" | "fail" | "release" | "acknowledge", string>;
};

/** The run is over; `reason` is cancelled, stale or finished. */
export class RunOver extends Error {
  readonly reason: string;
  constructor(reason: string) {
    super(`The run is over: ${reason}.`);
    this.reason = reason;
  }
}

/** Files up to this size are sent at once, larger ones in parts. */
const WHOLE_BYTES_MAX = 50 * 1024 * 1024;
const TRIES = 6;
const REPORT_SECONDS = 5;

/** One request, repeated while the service cannot be reached or asks to wait. Throws `RunOver` on 409. */
async function ask(url: string, init: () => RequestInit & { duplex?: "half" }): Promise<Response> {
  for (let tried = 1; ; tried += 1) {
    const answer = await fetch(url, init()).catch((error: unknown) => error as Error);
    const isTransient = answer instanceof Error || answer.status === 429 || answer.status >= 500;
    if (!isTransient || tried === TRIES) {
      if (answer instanceof Error) throw answer;
      if (answer.ok) return answer;
      const problem = (await answer.json()) as { code?: string; reason?: string; detail?: string };
      if (problem.code === "attempt_over") throw new RunOver(problem.reason ?? "stale");
      throw new Error(`${new URL(url).pathname} answered ${answer.status}: ${problem.detail}`);
    }
    await pause(250 * 2 ** tried * (0.5 + Math.random()));
  }
}

/** Claims a job of this type, waiting for one up to 50 s; null if there was none. */
export async function claim(
  base: string,
  key: string,
  { type, worker, signal }: { type: string; worker: string; signal: AbortSignal },
): Promise<ClaimedRun | null> {
  // The key makes it safe to repeat a claim whose answer was lost.
  const headers = { ...bearer(key), Prefer: "wait=50", "Idempotency-Key": crypto.randomUUID() };
  const body = JSON.stringify({ types: [type], worker: { name: worker, version: "1" } });
  const answer = await ask(`${base}/v1/claims`, () => ({ method: "POST", headers, body, signal }));
  return ((await answer.json()) as { data: ClaimedRun[] }).data[0] ?? null;
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}`, "Content-Type": "application/json" });

/** A run that this worker has claimed. Its signal aborts, with the reason, as soon as the run is over. */
export class Run {
  readonly #base: string;
  readonly #claimed: ClaimedRun;
  readonly #over = new AbortController();
  readonly #reports: Promise<void>;
  #progress: Progress | null = null;
  #isEnding = false;

  constructor(base: string, claimed: ClaimedRun) {
    this.#base = base;
    this.#claimed = claimed;
    this.#reports = this.#reportWhileRunning();
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  progress(progress: Progress): void {
    this.#progress = progress;
  }

  async saveCheckpoint(checkpoint: unknown): Promise<void> {
    await this.#say("checkpoint", { checkpoint }, "PUT");
  }

  async succeed(result: unknown): Promise<void> {
    await this.#end("succeed", { result });
  }

  async fail(error: { kind: string; code?: string; message?: string; internal?: string }): Promise<void> {
    await this.#end("fail", { error });
  }

  /** Gives the run back: the same attempt goes on elsewhere, from the last checkpoint. */
  async release(): Promise<void> {
    await this.#end("release", {});
  }

  /** The work of a cancelled job has stopped. */
  async acknowledge(): Promise<void> {
    await this.#say("acknowledge", {});
  }

  async download(fileId: string, path: string): Promise<void> {
    const headers = bearer(this.#claimed.attempt_token);
    const answer = await ask(`${this.#base}/v1/files/${fileId}`, () => ({ headers, signal: this.signal }));
    if (!answer.body) throw new Error(`The file ${fileId} has no bytes.`);
    await pipeline(Readable.fromWeb(answer.body as never), createWriteStream(path), { signal: this.signal });
  }

  /** Stores a file of the job; returns its id. */
  async upload(path: string, contentType: string): Promise<string> {
    const { size } = await stat(path);
    if (size > WHOLE_BYTES_MAX) return this.#uploadInParts(path, contentType, size);
    const answer = await ask(`${this.#base}/v1/files`, () => ({
      method: "POST",
      headers: {
        ...bearer(this.#claimed.attempt_token),
        "Content-Type": contentType,
        "Content-Length": String(size),
      },
      body: Readable.toWeb(createReadStream(path)) as never,
      duplex: "half",
      signal: this.signal,
    }));
    return ((await answer.json()) as { data: { id: string } }).data.id;
  }

  async #uploadInParts(path: string, contentType: string, size: number): Promise<string> {
    const json = bearer(this.#claimed.attempt_token);
    const uploads = `${this.#base}/v1/uploads`;
    const post = async (url: string, body: object) => {
      const init = { method: "POST", headers: json, body: JSON.stringify(body), signal: this.signal };
      return ((await (await ask(url, () => init)).json()) as { data: { id: string; part_size: number } })
        .data;
    };
    const { id, part_size } = await post(uploads, { content_type: contentType, size });
    const parts = Math.ceil(size / part_size);
    const file = await open(path);
    try {
      for (let number = 1; number <= parts; number += 1) {
        const bytes = Math.min(part_size, size - (number - 1) * part_size);
        const part = Buffer.alloc(bytes);
        await file.read(part, 0, bytes, (number - 1) * part_size);
        const headers = { ...json, "Content-Type": "application/octet-stream" };
        const init = { method: "PUT", headers, body: part, signal: this.signal };
        await ask(`${uploads}/${id}/parts/${number}`, () => init);
      }
    } finally {
      await file.close();
    }
    return (await post(`${uploads}/${id}/complete`, { part_count: parts })).id;
  }

  /** Each report is answered after some seconds, or at once when the run is over. */
  async #reportWhileRunning(): Promise<void> {
    while (!this.#isEnding && !this.signal.aborted) {
      const progress = this.#progress;
      try {
        await this.#say("report", progress ? { progress } : {}, "POST", { Prefer: `wait=${REPORT_SECONDS}` });
      } catch (error) {
        if (this.#isEnding) return;
        this.#over.abort(error instanceof RunOver ? error : new RunOver("stale"));
      }
    }
  }

  /** Reporting stops before the run ends, so that the last report is not told that it is over. */
  async #end(link: "succeed" | "fail" | "release", body: object): Promise<void> {
    this.#isEnding = true;
    await this.#say(link, body);
    await this.#reports;
  }

  async #say(
    link: keyof ClaimedRun["links"],
    body: object,
    method = "POST",
    more: Record<string, string> = {},
  ): Promise<void> {
    const { attempt_token, links } = this.#claimed;
    const headers = { ...bearer(attempt_token), ...more };
    const answer = await ask(this.#base + links[link], () => ({
      method,
      headers,
      body: JSON.stringify(body),
    }));
    await answer.arrayBuffer();
  }
}
