/**
 * A real browser, and a same-origin proxy for it: a browser's EventSource cannot send a key, so a site that follows
 * jobs puts a proxy like this before the service. The proxy can cut every connection that passes through it.
 */

import { existsSync } from "node:fs";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { AxeBuilder } from "@axe-core/playwright";
import { type Browser, chromium, type Page } from "playwright-core";

/** Debian's two: the first draws no window, which takes half the time. */
const PROGRAMS = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"];

/** `CHROMIUM` names another. */
const PROGRAM = process.env.CHROMIUM ?? PROGRAMS.find((path) => existsSync(path)) ?? "/usr/bin/chromium";

const FLAGS = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];

/** Why browser tests are left out here; null if they are run. Where all checks must pass, they are run or fail. */
export const noBrowser =
  existsSync(PROGRAM) || process.env.CI === "true"
    ? null
    : `There is no browser at ${PROGRAM}: tests with a browser are skipped. Install Debian's chromium, or set CHROMIUM.`;

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: PROGRAM, args: FLAGS });
}

/** What axe finds on the page, or in what a selector names; without what another one names. */
export async function axeViolations(
  page: Page,
  { within, without }: { within?: string; without?: string } = {},
): Promise<string[]> {
  // What passes is not listed, and there are no frames to look into: both take long.
  const axe = new AxeBuilder({ page }).options({ resultTypes: ["violations"] }).setLegacyMode(true);
  if (within !== undefined) axe.include(within);
  if (without !== undefined) axe.exclude(without);
  const { violations } = await axe.analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${page.url()}: ${id}: ${html}`));
}

/** By how many pixels the page has to be scrolled sideways. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth");
}

/** A request for events that passed through: from where it resumed, and what came of it. */
type Passed = { lastEventId: string | null; status: number };

/** Serves `page` at /, and the service's /v1 with the key added. */
export async function startProxy(service: string, key: string, page: string) {
  const passed: Passed[] = [];
  const open = new Set<ServerResponse>();

  function pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    open.add(outgoing);
    const headers = { ...incoming.headers, host: new URL(service).host, authorization: `Bearer ${key}` };
    const passing = request(`${service}${incoming.url}`, { method: incoming.method, headers }, (answer) => {
      const { statusCode: status = 0 } = answer;
      passed.push({ lastEventId: String(incoming.headers["last-event-id"] ?? "") || null, status });
      outgoing.writeHead(status, answer.headers);
      answer.on("error", () => outgoing.destroy()).pipe(outgoing);
    });
    passing.on("error", () => outgoing.destroy());
    incoming.pipe(passing);
    outgoing.on("close", () => {
      open.delete(outgoing);
      passing.destroy();
    });
  }

  const server = createServer((incoming, outgoing) => {
    if (incoming.url?.startsWith("/v1/")) pass(incoming, outgoing);
    else outgoing.writeHead(200, { "Content-Type": "text/html" }).end(page);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed,
    /** Breaks every connection that is open. */
    cut(): void {
      for (const outgoing of open) outgoing.destroy();
    },
    stop(): void {
      server.close();
      server.closeAllConnections();
    },
  };
}
