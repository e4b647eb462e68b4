/** Who gets the webhooks: hosts that behave each in its own way, and remember what they took. */

import { assertThat } from "./invariants/demand.ts";
import type { Witness } from "./invariants/witness.ts";
import type { PostInit } from "./load.ts";
import { runningProcess } from "./platform/process.ts";
import type { Simulation } from "./platform/simulation.ts";
import { Answer } from "./platform/sockets.ts";

const HOSTS = ["good", "flaky", "slow", "gone", "busy", "moved", "dead"] as const;
type Host = (typeof HOSTS)[number];

/** Somewhere to deliver to. */
export function receiverUrl({ random }: Simulation): string {
  return `https://${random.pick(HOSTS)}.example.com/hook`;
}

export type Receivers = ReturnType<typeof openReceivers>;

/** The world beyond the Worker: its `fetch`. */
export function openReceivers(simulation: Simulation, witness: Witness) {
  const { clock, random } = simulation;
  const taken = new Set<string>();
  const meanings = new Map<string, string>();

  function answerOf(host: Host): Answer | null {
    switch (host) {
      case "good":
      case "slow":
        return new Answer("ok", { status: 200 });
      case "flaky":
        return random.chance(0.5) ? new Answer(null, { status: 204 }) : new Answer("sorry", { status: 500 });
      case "gone":
        return new Answer(null, { status: 410 });
      case "busy":
        return random.chance(0.3)
          ? new Answer(null, { status: 200 })
          : new Answer(null, { status: 429, headers: { "Retry-After": String(random.between(1, 7_200)) } });
      case "moved":
        return new Answer(null, { status: 308, headers: { Location: "https://good.example.com/hook" } });
      case "dead":
        return null;
    }
  }

  /** One id is one event of one job, whichever try it is. */
  function checkMeaning(id: string, body: string): void {
    const { type, timestamp, data } = JSON.parse(body) as {
      type: string;
      timestamp: string;
      data: { id: string };
    };
    const meaning = `${data.id} ${type} ${timestamp}`;
    witness.hold("a webhook-id names one event", () =>
      assertThat((meanings.get(id) ?? meaning) === meaning, `${id}: ${meanings.get(id)} and ${meaning}`),
    );
    meanings.set(id, meaning);
  }

  return {
    /** Whether a receiver has taken the message of this id. */
    hasTaken: (id: string) => taken.has(id),

    fetch(url: string, { headers, body, signal }: PostInit): Promise<Answer> {
      const caller = runningProcess();
      const host = new URL(url).hostname.split(".")[0] as Host;
      const id = headers["webhook-id"] ?? "";
      checkMeaning(id, body);
      return new Promise((resolve, reject) => {
        const settle = (act: () => void) => {
          if (!caller.isDead) act();
        };
        signal.addEventListener("abort", () => settle(() => reject(signal.reason)));
        const delayMs = host === "slow" ? random.between(1_000, 20_000) : random.between(1, 300);
        const answer = answerOf(host);
        clock.schedule(delayMs, `${host} answers ${answer?.status ?? "nothing"} to ${id}`, () => {
          if (signal.aborted) return;
          if (answer && answer.status < 300) taken.add(id);
          settle(() => {
            if (answer) resolve(answer);
            else reject(new TypeError("fetch failed"));
          });
        });
      });
    },
  };
}
