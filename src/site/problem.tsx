/** The page that a problem's `type` leads to: what it means and what to do about it. */

import { type ProblemCode, problemKinds } from "../api/problems.ts";
import { Page } from "./layout.tsx";

/** Whether there is such a problem, and so a page for it. */
export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(problemKinds, code);
}

/** The page for one code. */
export function ProblemPage({ code }: { code: ProblemCode }) {
  const { status, title, detail } = problemKinds[code];
  return (
    <Page title={code} description={title}>
      <p class="soft">Problem</p>
      <h1>{title}</h1>
      <dl class="facts">
        <dt>Code</dt>
        <dd>
          <code>{code}</code>
        </dd>
        <dt>HTTP status</dt>
        <dd>{status}</dd>
        <dt>What to do</dt>
        <dd>{detail}</dd>
      </dl>
      <h2>When you ask for help</h2>
      <p>
        The problem you were answered has an <code>instance</code>, which is also in the header{" "}
        <code>Request-Id</code>. It names your very request; give it to support. What that answer says in its{" "}
        <code>detail</code> counts before what is said here.
      </p>
    </Page>
  );
}
