/** The frame of the dashboard's pages: its own navigation, the button to sign out, and what was just done. */

import type { Context } from "hono";
import type { Child } from "hono/jsx";
import { asset, htmlOf, Page } from "../../site/layout.tsx";
import type { DashboardEnv, Session } from "../context.ts";
import { takeNotice } from "../notice.ts";
import { ROOT } from "../session.ts";

const navigation = [
  [ROOT, "Overview"],
  [`${ROOT}/jobs`, "Jobs"],
  [`${ROOT}/submit`, "Submit a job"],
  [`${ROOT}/keys`, "Keys and usage"],
] as const;
type NavigationEntry = (typeof navigation)[number][1];

type ShellProps = {
  title: string;
  section?: NavigationEntry;
  /** Who is signed in; the browser's script is wanted then. */
  session?: Session | undefined;
  notice?: string | null;
  children?: Child;
};

/** A page of the dashboard; `children` has the h1. */
export function Shell({ title, section, session, notice, children }: ShellProps) {
  const isSignedIn = session !== undefined;
  const shown = navigation.filter(([, name]) => session?.mayWrite || name !== "Submit a job");
  return (
    <Page
      title={title}
      path="/dashboard"
      styles={[asset("dashboard/dashboard.css")]}
      scripts={isSignedIn ? [asset("dashboard/dashboard.js")] : []}
      actions={session && <SignOut session={session} />}
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

function SignOut({ session: { tenant, keyName, mayWrite } }: { session: Session }) {
  return (
    <form method="post" action={`${ROOT}/sign-out`} class="row">
      <span class="soft" id="whose">
        <bdi>{tenant}</bdi>, <bdi>{keyName}</bdi>
        {!mayWrite && ", read only"}
      </span>
      <button type="submit" id="sign-out">
        Sign out
      </button>
    </form>
  );
}

/** Answers with a page for who is signed in. */
export async function show(
  c: Context<DashboardEnv>,
  props: Omit<ShellProps, "session">,
  status: 200 | 422 = 200,
): Promise<Response> {
  const page = <Shell {...props} session={c.get("session")} notice={takeNotice(c)} />;
  return c.html(await htmlOf(page), status);
}
