/**
 * `npm run demo`: the whole service, started here with a storage of its own, and a client that goes through what
 * clients go through. It shows what the client sees and checks it, removes all it made, and exits with 0 only if
 * everything was as it should be. `npm run demo -- --scenes import,fail` plays only these, in this order.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openDemoClient } from "./demo/client.ts";
import { scenes } from "./demo/scenes.ts";
import { paint, reckoning, say } from "./demo/terminal.ts";
import { startService } from "./service.ts";

const startedAt = Date.now();
const stateDir = await mkdtemp(join(tmpdir(), "accepted-demo-"));
const interrupted = new Promise<never>((_, reject) => {
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => reject(new Error("interrupted")));
});

/** The scenes asked for. Throws an Error that names those there are. */
function chosenScenes() {
  const { values } = parseArgs({ options: { scenes: { type: "string" } } });
  const names = values.scenes?.split(",") ?? Object.keys(scenes);
  return names.map((name) => {
    const scene = scenes[name];
    if (!scene) throw new Error(`There is no scene "${name}". Scenes: ${Object.keys(scenes).join(", ")}.`);
    return scene;
  });
}

async function play(): Promise<void> {
  const chosen = chosenScenes();
  const starting = startService({ stateDir });
  try {
    const { url, keys, log } = await Promise.race([starting, interrupted]);
    say();
    say(`${paint("bold", "Accepted")}, all of it on this machine: ${url}`);
    const client = openDemoClient(url, keys.acme.full);
    for (const scene of chosen) await Promise.race([scene({ client, log }), interrupted]);
  } finally {
    await (await starting).stop();
  }
}

try {
  await play();
  const { held, broken } = reckoning();
  const seconds = Math.round((Date.now() - startedAt) / 1000);
  say();
  if (broken > 0) throw new Error(`${broken} of ${held + broken} claims did not hold.`);
  say(
    paint(["bold", "green"], `All ${held} claims hold.`) +
      paint("dim", ` ${seconds} s, nothing left behind.`),
  );
  say();
} catch (error) {
  console.error(paint("red", error instanceof Error ? error.message : String(error)));
  process.exitCode = 1;
} finally {
  await rm(stateDir, { recursive: true, force: true });
}
