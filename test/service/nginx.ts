/** Debian's nginx before a service, with the settings it comes with: `proxy_pass`, and nothing said of buffering. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";

const PROGRAM = process.env.NGINX ?? "/usr/sbin/nginx";

/** Why tests with nginx are left out here; null if they are run. Where all checks must pass, they are run or fail. */
export const noNginx =
  existsSync(PROGRAM) || process.env.CI === "true"
    ? null
    : `There is no nginx at ${PROGRAM}: tests with it are skipped. Install Debian's nginx-light, or set NGINX.`;

/** Starts it before `target`, with further lines of its `http` block. */
export async function startNginx(target: string, settings = "") {
  const folder = mkdtempSync(join(tmpdir(), "accepted-nginx-"));
  const port = await freePort();
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off; pid ${folder}/pid; error_log stderr; events {}
     http { access_log off; ${paths.join(" ")} ${settings}
       server { listen 127.0.0.1:${port}; location / { proxy_pass ${target}; } } }`,
  );
  const child = spawn(PROGRAM, ["-p", folder, "-c", join(folder, "nginx.conf")], { stdio: "ignore" });
  await vi.waitFor(() => listens(port, child), { timeout: 20_000, interval: 50 });
  return {
    url: `http://127.0.0.1:${port}`,
    async stop(): Promise<void> {
      const ended = once(child, "exit");
      child.kill();
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function listens(port: number, child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}`);
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.destroy();
}
