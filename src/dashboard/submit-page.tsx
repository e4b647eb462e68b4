/** The pages for submitting: which types there are, and the form of one, with the command that does the same. */

import type { ApiError, TypeView } from "./api.ts";
import { type Filled, fieldId } from "./form/controls.tsx";
import { Field, Fields } from "./form/fields.tsx";
import { KEY_POINTER, partsOf } from "./form/request.ts";
import { ApiErrorNotice, Code, JobLink } from "./parts.tsx";
import { ROOT } from "./session.ts";

function submitPath(type: string): string {
  return `${ROOT}/submit/${encodeURIComponent(type)}`;
}

/** The job types to choose from. */
export function TypesPage({ types }: { types: TypeView[] }) {
  return (
    <>
      <h1>Submit a job</h1>
      <p>Which type?</p>
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
  filled: Filled;
  /** Shell commands: uploads first, then the submission. */
  commands: string[];
  refusal: ApiError | null;
  mayWrite: boolean;
};

/** The form of a type. */
export function SubmitPage({ type, filled, commands, refusal, mayWrite }: SubmitProps) {
  const { input, options } = partsOf(type);
  const optionFaults = [...filled.faults.keys()].some((pointer) => !/^\/input(\/|$)/.test(pointer));
  return (
    <>
      <h1>Submit {type.type}</h1>
      <p>{type.description}</p>
      {!mayWrite && <p class="notice">This key may only read, so the service will refuse the form.</p>}
      <Summary faults={filled.faults} />
      {refusal && <ApiErrorNotice refusal={refusal} what="The job was not accepted." />}
      {refusal?.problem.job_id && (
        <p>
          The place is held by <JobLink job={{ id: refusal.problem.job_id }} />.
        </p>
      )}
      <form
        id="submit-form"
        method="post"
        action={submitPath(type.type)}
        enctype="multipart/form-data"
        data-submit-form
      >
        {mayWrite && (
          <button type="submit" class="visually-hidden" name="do" value="submit" tabindex={-1}>
            Submit the job
          </button>
        )}
        <Field property={input} within="" filled={filled} />
        <details id="options" class="card" open={optionFaults}>
          <summary id="options-summary">Options</summary>
          <Fields properties={options} within="" filled={filled} />
        </details>
        <div class="row form-end">
          {mayWrite && (
            <button type="submit" id="submit" class="button primary" name="do" value="submit">
              Submit the job
            </button>
          )}
          <button
            type="submit"
            id="show-curl"
            name="do"
            value="curl"
            formnovalidate
            data-without-script
            formaction={`${submitPath(type.type)}#curl-title`}
          >
            Show the curl command for it
          </button>
        </div>
      </form>
      <Commands commands={commands} />
    </>
  );
}

function Summary({ faults }: { faults: Filled["faults"] }) {
  if (faults.size === 0) return null;
  const words = (pointer: string) => (pointer === KEY_POINTER ? "idempotency_key" : pointer.slice(1));
  return (
    <div class="notice" data-kind="bad" role="alert" tabindex={-1} autofocus id="summary">
      <h2>The job was not submitted</h2>
      <ul>
        {[...faults].map(([pointer, details]) => (
          <li>
            {pointer === "" ? (
              details.join(" ")
            ) : (
              <a href={`#${fieldId(pointer)}`}>
                {words(pointer)}: {details.join(" ")}
              </a>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Commands({ commands }: { commands: string[] }) {
  return (
    <section id="commands" aria-labelledby="curl-title">
      <h2 id="curl-title">The same with curl</h2>
      <p class="soft">
        The key is read from the shell's variable <code>ACCEPTED_KEY</code>.
        {commands.length > 1 &&
          " The file is stored first; the id it is answered goes into the second command."}
      </p>
      {commands.map((command, index) => (
        <Code id={`curl-${index}`} label="Shell command" text={command} />
      ))}
    </section>
  );
}
