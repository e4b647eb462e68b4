/** The frame of the dashboard's pages: its own navigation, the button to sign out, and what was just done. */

import type { Context } from "hono";
import type { Child } from "hono/jsx";
import { asset, htmlOf, Page } from "../../site/layout.tsx";
import type { DashboardEnv } from "../context.ts";
import { takeNotice } from "../notice.ts";
import { ROOT } from "../session.ts";

const navigation = [
  [ROOT, "Overview"],
  [`${ROOT}/jobs`, "Jobs"],
  [`${ROOT}/submit`, "Submit a job"],
] as const;
type NavigationEntry = (typeof navigation)[number][1];

type ShellProps = {
  title: string;
  section?: NavigationEntry;
  /** Whether the browser's script is wanted. */
  isSignedIn?: boolean;
  mayWrite?: boolean;
  notice?: string | null;
  children?: Child;
};

/** A page of the dashboard; `children` has the h1. */
export function Shell({ title, section, isSignedIn = true, mayWrite = false, notice, children }: ShellProps) {
  const shown = navigation.filter(([, name]) => mayWrite || name !== "Submit a job");
  return (
    <Page
      title={title}
      path="/dashboard"
      styles={[asset("dashboard/dashboard.css")]}
      scripts={isSignedIn ? [asset("dashboard/dashboard.js")] : []}
      actions={isSignedIn && <SignOut mayWrite={mayWrite} />}
    >
      {isSignedIn && (
        <nav class="sections" aria-label="Dashboard">
          {shown.map(([path, name]) => (
            <a href={path} aria-current={name === section ? "page" : undefined}>
              {name}
            </a>
          ))}
        </nav>
      )}
      {notice && (
        <p class="notice" data-kind="good" role="status">
          {notice}
        </p>
      )}
      {children}
      {isSignedIn && <p id="announcement" class="visually-hidden" role="status" />}
    </Page>
  );
}

function SignOut({ mayWrite }: { mayWrite: boolean }) {
  return (
    <form method="post" action={`${ROOT}/sign-out`} class="row">
      {!mayWrite && <span class="soft">read only</span>}
      <button type="submit" id="sign-out">
        Sign out
      </button>
    </form>
  );
}

/** Answers with a page for who is signed in. */
export async function show(
  c: Context<DashboardEnv>,
  props: Omit<ShellProps, "mayWrite" | "isSignedIn">,
  status: 200 | 422 = 200,
): Promise<Response> {
  const page = <Shell {...props} mayWrite={c.get("session").mayWrite} notice={takeNotice(c)} />;
  return c.html(await htmlOf(page), status);
}
