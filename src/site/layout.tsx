/**
 * The shell of every HTML page: head, skip link, header with the navigation, main, footer. The look is in
 * client/base.css. A page goes out with the headers of security.ts, so nothing in it may be inline.
 */

import type { Child } from "hono/jsx";
import type { HtmlEscapedString } from "hono/utils/html";

/** The navigation: paths and names. */
const NAVIGATION = [
  ["/dashboard", "Dashboard"],
  ["/docs", "API reference"],
] as const;

export type PageProps = {
  /** What this page is, without the service's name. */
  title: string;
  /** What search engines and previews say of it. */
  description?: string;
  /** The path of the navigation this page belongs to, if to any. */
  path?: (typeof NAVIGATION)[number][0];
  /** Further style sheets and module scripts: paths, see `asset`. */
  styles?: string[];
  scripts?: string[];
  /** Shown at the end of the header, such as a button to sign out. */
  actions?: Child;
  /** Takes the whole width of the window. */
  wide?: boolean;
  children?: Child;
};

/** The URL path of a built asset, as scripts/assets.ts names it: `site/base.css`. */
export function asset(name: string): string {
  return `/assets/${name}`;
}

/** A whole page; `children` is what is in its main part, with an h1 of its own. */
export function Page({
  title,
  description,
  path,
  styles = [],
  scripts = [],
  actions,
  wide = false,
  children,
}: PageProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{title === "Accepted" ? title : `${title} · Accepted`}</title>
        {description && <meta name="description" content={description} />}
        <link rel="icon" type="image/svg+xml" href={asset("site/icon.svg")} />
        {[asset("site/base.css"), ...styles].map((href) => (
          <link rel="stylesheet" href={href} />
        ))}
        {scripts.map((src) => (
          <script type="module" src={src} />
        ))}
      </head>
      <body class={wide ? "wide" : ""}>
        <a class="skip" href="#main">
          Skip to the content
        </a>
        <header class="site-header">
          <a class="site-name" href="/">
            Accepted
          </a>
          <nav aria-label="Main">
            {NAVIGATION.map(([href, name]) => (
              <a href={href} aria-current={href === path ? "page" : undefined}>
                {name}
              </a>
            ))}
          </nav>
          {actions}
        </header>
        <main id="main" tabindex={-1}>
          {children}
        </main>
        <footer class="site-footer">
          <a href="/openapi.json">OpenAPI document</a>
          <a href="/v1/health">Health</a>
        </footer>
      </body>
    </html>
  );
}

/** The document of a page as text, for `c.html`. */
export async function htmlOf(page: HtmlEscapedString | Promise<HtmlEscapedString>): Promise<string> {
  return `<!doctype html>${await page}`;
}
