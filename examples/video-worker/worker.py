"""The same worker in Python, with its standard library only: claims, reports, encodes with ffmpeg, stores, succeeds.

ACCEPTED_URL and ACCEPTED_KEY (scope jobs:work) say where; JOB_TYPE and WORKER_NAME may name the rest. SIGTERM gives the
run back.
"""

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid

URL, KEY = os.environ["ACCEPTED_URL"], os.environ["ACCEPTED_KEY"]
JOB_TYPE = os.environ.get("JOB_TYPE", "video.transcode")
NAME = os.environ.get("WORKER_NAME", "video-worker-py")
SEGMENT_SECONDS = 10
stopping = threading.Event()


class RunOver(Exception):
    """The run is over: cancelled, stale, finished, or to be released."""


class NoVideo(Exception):
    """The input is none that can be transcoded."""


def ask(method, path, token, body=None, headers=None, timeout=90):
    """One request, repeated while the service cannot be reached or asks to wait. Returns the body's bytes."""
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **(headers or {})}
    for tried in range(6):
        try:
            request = urllib.request.Request(URL + path, data=data, headers=sent, method=method)
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            problem = json.loads(error.read() or b"{}")
            if problem.get("code") == "attempt_over":
                raise RunOver(problem.get("reason")) from None
            if error.code != 429 and error.code < 500 or tried == 5:
                raise RuntimeError(f"{path} answered {error.code}: {problem.get('detail')}") from None
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            if tried == 5:
                raise
        time.sleep(0.5 * 2**tried)


class Run:
    """A run that this worker has claimed; `over` is set, with its reason, as soon as it is over."""

    def __init__(self, claimed):
        self.links, self.token, self.job = claimed["links"], claimed["attempt_token"], claimed["job"]
        self.over, self.reason, self.progress, self.is_ending = threading.Event(), None, None, False
        self.reports = threading.Thread(target=self.report_while_running, daemon=True)
        self.reports.start()

    def report_while_running(self):
        while not (self.is_ending or self.over.is_set()):
            try:
                body = {"progress": self.progress} if self.progress else {}
                ask("POST", self.links["report"], self.token, body, {"Prefer": "wait=5"})
            except Exception as error:
                if not self.is_ending:
                    self.reason = error.args[0] if isinstance(error, RunOver) else "stale"
                    self.over.set()

    def check(self):
        if self.over.is_set():
            raise RunOver(self.reason)
        if stopping.is_set():
            raise RunOver("released")

    def end(self, link, body):
        self.is_ending = True
        ask("POST", self.links[link], self.token, body)

    def upload(self, path, content_type):
        with open(path, "rb") as file:
            made = ask("POST", "/v1/files", self.token, file.read(), {"Content-Type": content_type})
        return json.loads(made)["data"]["id"]

    def download(self, file_id, path):
        with open(path, "wb") as file:
            file.write(ask("GET", f"/v1/files/{file_id}", self.token))


def ffmpeg(run, args, on_line=lambda line: None):
    """Runs ffmpeg; it is killed when the run is over, or when this process must stop."""
    command = ["ffmpeg", "-v", "error", "-y", "-nostdin", *args]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    done = threading.Event()

    def watch():
        while not done.wait(0.05):
            if run.over.is_set() or stopping.is_set():
                child.kill()

    threading.Thread(target=watch, daemon=True).start()
    for line in child.stdout:
        on_line(line)
    code = child.wait()
    done.set()
    run.check()
    if code != 0:
        raise RuntimeError(f"ffmpeg ended with {code}")


def transcode(run, folder):
    given = run.job["input"]
    length, height = given.get("segment_seconds", SEGMENT_SECONDS), given["height"]
    source = f"{folder}/source"
    run.download(given["file"], source)
    probe = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", source]
    try:
        total = float(subprocess.run(probe, capture_output=True, text=True, check=True).stdout)
    except (subprocess.CalledProcessError, ValueError):
        raise NoVideo() from None
    count = -int(-total // length)
    stored = list((run.job["checkpoint"] or {}).get("segments", []))
    for index in range(len(stored), count):
        start, path = index * length, f"{folder}/{index}.ts"

        def on_line(line):
            name, _, value = line.strip().partition("=")
            if name == "out_time_us" and value.lstrip("-").isdigit():
                done = min(length, max(0.0, int(value) / 1e6 - start))
                progress = {"current": min(total, start + done), "total": total}
                run.progress = {**progress, "unit": "seconds", "stage": "encoding"}

        video = ["-vf", f"scale=-2:{height}", "-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac"]
        place = ["-output_ts_offset", str(start), "-f", "mpegts", "-progress", "pipe:1", path]
        ffmpeg(run, ["-ss", str(start), "-t", str(length), "-i", source, *video, *place], on_line)
        stored.append(run.upload(path, "video/mp2t"))
        ask("PUT", run.links["checkpoint"], run.token, {"checkpoint": {"segments": stored}})
        print(json.dumps({"event": "segment", "job": run.job["id"], "segment": index}), flush=True)
    paths = [f"{folder}/stored-{index}.ts" for index in range(count)]
    for file_id, path in zip(stored, paths):
        run.download(file_id, path)
    joined = f"{folder}/joined.mp4"
    ffmpeg(run, ["-i", "concat:" + "|".join(paths), "-c", "copy", "-bsf:a", "aac_adtstoasc", joined])
    return {"file": run.upload(joined, "video/mp4"), "seconds": total, "segments": count}


def conclude(run, error):
    """Says how the run ended, unless the service knows."""
    reason = error.args[0] if isinstance(error, RunOver) else None
    try:
        if reason == "cancelled":
            ask("POST", run.links["acknowledge"], run.token, {})
        elif reason == "released":
            run.end("release", {})
        elif isinstance(error, NoVideo):
            told = {"kind": "invalid_input", "code": "no_video", "message": "The file is no video."}
            run.end("fail", {"error": told})
        elif reason is None:
            run.end("fail", {"error": {"kind": "internal_error", "internal": str(error)[:4000]}})
    except RunOver:
        pass


def work(claimed):
    run = Run(claimed)
    print(json.dumps({"event": "claimed", "job": run.job["id"], "attempt": run.job["attempt"]}), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            result = transcode(run, folder)
            run.end("succeed", {"result": result})
            print(json.dumps({"event": "succeeded", "job": run.job["id"], **result}), flush=True)
        except Exception as error:
            conclude(run, RunOver(run.reason) if run.over.is_set() else error)
            print(json.dumps({"event": "ended", "job": run.job["id"], "reason": repr(error)}), flush=True)


def main():
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, lambda *_: stopping.set())
    while not stopping.is_set():
        body = {"types": [JOB_TYPE], "worker": {"name": NAME, "version": "1"}}
        headers = {"Prefer": "wait=10", "Idempotency-Key": str(uuid.uuid4())}
        try:
            for claimed in json.loads(ask("POST", "/v1/claims", KEY, body, headers))["data"]:
                work(claimed)
        except (RuntimeError, OSError) as error:
            print(json.dumps({"event": "claim_failed", "error": str(error)}), flush=True)
            time.sleep(1)


if __name__ == "__main__":
    main()
