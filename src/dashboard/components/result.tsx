/** What a job returned, and the files it names. */

import type { JobView } from "../../rpc/views.ts";
import type { FileFacts } from "../api.ts";
import { formatBytes } from "../labels.ts";
import { ROOT } from "../session.ts";
import { Code, jobPagePath } from "./parts.tsx";

/** A result longer than this, as text, is cut here and offered whole. */
const SHOWN_CHARS_MAX = 20_000;

/** More files than this are not looked up one by one. */
const FILES_MAX = 20;

/** A file that a result names. */
export type FoundFile = { id: string; file: FileFacts };

/** The ids of files in a JSON value, each once. */
export function filesIn(value: unknown): string[] {
  const ids = JSON.stringify(value ?? null).match(/(?<=")file_[0-9a-z]{1,64}(?=")/g) ?? [];
  return [...new Set(ids)].slice(0, FILES_MAX);
}

export function ResultSection({ job, files }: { job: JobView; files: FoundFile[] }) {
  if (job.status !== "succeeded") return null;
  const text = JSON.stringify(job.result ?? null, null, 2);
  return (
    <section aria-labelledby="result-title">
      <h2 id="result-title">Result</h2>
      {job.result === null ? <p class="soft">It returned nothing.</p> : <Json text={text} />}
      {files.length > 0 && <Files files={files} />}
      {job.result !== null && (
        <p>
          <a id="download-result" href={`${jobPagePath(job.id)}/result`}>
            Download the result
          </a>
        </p>
      )}
    </section>
  );
}

function Json({ text }: { text: string }) {
  const isCut = text.length > SHOWN_CHARS_MAX;
  return (
    <>
      <Code
        id="result"
        label="The result as JSON"
        text={isCut ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text}
      />
      {isCut && <p>This is its beginning only.</p>}
    </>
  );
}

function Files({ files }: { files: FoundFile[] }) {
  return (
    <>
      <h3>Files</h3>
      <ul>
        {files.map(({ id, file }) => (
          <li>
            {file === "gone" ? (
              <>
                <code>{id}</code> <span class="soft">is no longer there.</span>
              </>
            ) : (
              <>
                <a id={`file-${id}`} href={`${ROOT}/files/${id}`}>
                  <code>{id}</code>
                </a>{" "}
                {file !== "unknown" && (
                  <span class="soft">
                    {formatBytes(file.size)}, <bdi>{file.contentType}</bdi>
                  </span>
                )}
              </>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
