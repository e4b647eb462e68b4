/** The pages for submitting: the job types, and the form of one with the curl command that does the same. */

import type { ApiError, TypeView } from "../api.ts";
import { ApiErrorNotice, Code, JobLink } from "../components/parts.tsx";
import { ROOT } from "../session.ts";

/**
 * A submission while it is written. `stored` describes an uploaded file; a pointer names a field or a position in
 * the text.
 */
export type Draft = {
  body: string;
  idempotencyKey: string;
  stored: string | null;
  errors: { pointer: string; detail: string }[];
};

function submitPath(type: string): string {
  return `${ROOT}/submit/${encodeURIComponent(type)}`;
}

/** The job types to choose from. */
export function TypesPage({ types }: { types: TypeView[] }) {
  return (
    <>
      <h1>Submit a job</h1>
      <p>Choose a job type.</p>
      <ul class="types">
        {types.map(({ type, description }) => (
          <li class="card">
            <h2>
              <a id={`type-${type}`} href={submitPath(type)}>
                {type}
              </a>
            </h2>
            <p>{description}</p>
          </li>
        ))}
      </ul>
    </>
  );
}

type SubmitProps = {
  type: TypeView;
  draft: Draft;
  command: string;
  error: ApiError | null;
  mayWrite: boolean;
};

/** The form of a type. */
export function SubmitPage({ type, draft, command, error, mayWrite }: SubmitProps) {
  const ownerJobId = error?.problem.job_id;
  return (
    <>
      <h1>Submit {type.type}</h1>
      <p>{type.description}</p>
      {!mayWrite && <p class="notice">This key may only read, so the service will reject the form.</p>}
      <ErrorSummary errors={draft.errors} />
      {error && draft.errors.length === 0 && (
        <ApiErrorNotice error={error} what="The job was not accepted." />
      )}
      {ownerJobId && (
        <p>
          The active job is <JobLink job={{ id: ownerJobId }} />.
        </p>
      )}
      <SubmitForm type={type} draft={draft} mayWrite={mayWrite} />
      <section id="commands" aria-labelledby="curl-title">
        <h2 id="curl-title">The same with curl</h2>
        <p class="soft">
          The shell reads the key from the variable <code>ACCEPTED_KEY</code>.
        </p>
        <Code id="curl" label="Shell command" text={command} />
      </section>
      <details class="card">
        <summary>JSON Schema of the input</summary>
        <Code id="schema" label="JSON Schema" text={JSON.stringify(type.input_schema, null, 2)} />
      </details>
    </>
  );
}

function SubmitForm({ type, draft, mayWrite }: Pick<SubmitProps, "type" | "draft" | "mayWrite">) {
  const rows = Math.min(30, Math.max(10, draft.body.split("\n").length + 1));
  const hasErrors = draft.errors.length > 0;
  return (
    <form id="submit-form" method="post" action={submitPath(type.type)} enctype="multipart/form-data">
      <input type="hidden" name="idempotency_key" value={draft.idempotencyKey} />
      <div class="field">
        <label for="body">Request body</label>
        <textarea
          id="body"
          name="body"
          class="json"
          rows={rows}
          spellcheck={false}
          aria-describedby="body-hint"
          aria-invalid={hasErrors ? "true" : undefined}
        >
          {`\n${draft.body}`}
        </textarea>
        <p id="body-hint" class="hint">
          The JSON of <code>POST /v1/jobs</code>. Beside <code>input</code> it may have options such as{" "}
          <code>metadata</code>, <code>run_at</code> or <code>max_attempts</code>; see the{" "}
          <a href="/docs">API reference</a>.
        </p>
      </div>
      <div class="field">
        <label for="file">File</label>
        <input id="file" name="file" type="file" aria-describedby="file-hint" data-upload />
        <p id="file-hint" class="hint" role="status">
          {draft.stored ?? "Optional. The file is stored, and its id is put into the input."}
        </p>
      </div>
      <div class="row form-end">
        {mayWrite && (
          <button type="submit" id="submit" class="button primary" name="do" value="submit">
            Submit the job
          </button>
        )}
        <button type="submit" id="upload" name="do" value="upload">
          Store the file and show the command
        </button>
      </div>
    </form>
  );
}

function ErrorSummary({ errors }: Pick<Draft, "errors">) {
  if (errors.length === 0) return null;
  return (
    <div class="notice" data-kind="bad" role="alert" tabindex={-1} autofocus id="summary">
      <h2>The job was not submitted</h2>
      <ul>
        {errors.map(({ pointer, detail }) => (
          <li>
            <a href="#body">
              <bdi>
                <code>{pointer}</code>
              </bdi>
            </a>
            : <bdi>{detail}</bdi>
          </li>
        ))}
      </ul>
    </div>
  );
}
