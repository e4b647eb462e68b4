/**
 * WebSockets between an object and its callers. The object's end is hibernatable: it belongs to the
 * object's home and outlives an eviction, but no crash. Messages of one direction keep their order.
 */

import { copy } from "./copy.ts";
import { leave, type Process, runAs, runningProcess } from "./process.ts";
import { type Simulation, travelMs } from "./simulation.ts";

const ABNORMAL_CLOSURE = 1006;

type Listener = (event: { data?: string; code?: number }) => void;

/** Tells the object what happened to one of its sockets. */
export type DeliverToObject = (home: SocketHome, method: string, args: readonly unknown[]) => void;

/** The object's end of a socket. */
export type ServerEnd = {
  tags: string[];
  /** When the platform last answered for the object; true time. */
  autoRespondedAt: number | null;
  acceptedBy(home: SocketHome, tags: string[]): void;
  send(data: string): void;
  close(code?: number): void;
  serializeAttachment(value: unknown): void;
  deserializeAttachment(): unknown;
  /** The object died, and its end with it. */
  breakOff(): void;
};

/** What a socket needs of the object that accepts it. */
export type SocketHome = {
  readonly kind: string;
  readonly name: string;
  readonly sockets: Set<ServerEnd>;
  /** What the platform answers for the object, whether or not that is in memory. */
  autoResponse: AutoResponse | null;
};

/** As WebSocketRequestResponsePair of the platform. */
export class AutoResponse {
  readonly request: string;
  readonly response: string;
  constructor(request: string, response: string) {
    this.request = request;
    this.response = response;
  }
}

export type ClientEnd = ReturnType<typeof openSocket>["client"];

/** A connected pair of ends. */
export function openSocket(simulation: Simulation, deliver: DeliverToObject) {
  const { clock, faults } = simulation;
  const listeners = new Map<string, Set<Listener>>();
  let home: SocketHome | null = null;
  let owner: Process | null = null;
  let attachment: unknown = null;
  let state: "open" | "closing" | "gone" = "open";
  let held: (() => void)[] | null = [];
  let lastDownAt = 0;
  let lastUpAt = 0;

  function emit(type: string, event: Parameters<Listener>[0]): void {
    const hear = () => {
      if (!owner || owner.isDead) return;
      runAs(owner, () => {
        for (const listener of [...(listeners.get(type) ?? [])]) listener(event);
      });
    };
    if (held) held.push(hear);
    else hear();
  }

  function down(label: string, act: () => void): void {
    lastDownAt = Math.max(lastDownAt + 1, clock.now() + travelMs(simulation));
    clock.schedule(lastDownAt - clock.now(), label, () => {
      if (state === "gone") return;
      if (faults.occurs("socketBroken")) breakOff();
      else act();
    });
  }

  /** A message of the client; those of a client that has closed arrive all the same. */
  function up(data: string): void {
    lastUpAt = Math.max(lastUpAt + 1, clock.now() + travelMs(simulation));
    clock.schedule(lastUpAt - clock.now(), "socket message up", () => {
      const reached = home;
      if (state === "gone" || !reached?.sockets.has(server)) return;
      if (faults.occurs("socketBroken")) breakOff();
      else if (data === reached.autoResponse?.request) respond(reached.autoResponse.response);
      else deliver(reached, "webSocketMessage", [server, data]);
    });
  }

  function respond(data: string): void {
    server.autoRespondedAt = clock.now();
    down("socket auto-response", () => emit("message", { data }));
  }

  /** Ends it for the object, which is told, unless its end died with it. */
  function endServer(method: string, args: readonly unknown[]): void {
    const left = home;
    if (!left?.sockets.has(server)) return;
    clock.schedule(travelMs(simulation), `${left.kind} ${left.name} ${method}`, () => {
      if (left.sockets.has(server)) deliver(left, method, [server, ...args]);
      left.sockets.delete(server);
    });
  }

  /** Both ends lose each other without a word. */
  function breakOff(): void {
    if (state === "gone") return;
    state = "gone";
    clock.schedule(travelMs(simulation), "socket broken", () => emit("close", { code: ABNORMAL_CLOSURE }));
    if (simulation.random.chance(0.5)) endServer("webSocketClose", [ABNORMAL_CLOSURE, "", false]);
    else endServer("webSocketError", [new Error("Network connection lost.")]);
  }

  const server: ServerEnd = {
    tags: [],
    autoRespondedAt: null,
    acceptedBy(accepting: SocketHome, tags: string[]): void {
      home = accepting;
      server.tags = tags;
      accepting.sockets.add(server);
    },
    send(data: string): void {
      if (state !== "open") throw new TypeError("Can't call WebSocket send() after close().");
      leave(runningProcess(), () => down("socket message", () => emit("message", { data })));
    },
    close(code = 1005): void {
      if (state !== "open") return;
      state = "closing";
      leave(runningProcess(), () =>
        down("socket close", () => {
          state = "gone";
          emit("close", { code });
          endServer("webSocketClose", [code, "", true]);
        }),
      );
    },
    serializeAttachment(value: unknown): void {
      attachment = copy(value);
    },
    deserializeAttachment: () => copy(attachment),
    /** The object has died: its end is gone with it. */
    breakOff(): void {
      home?.sockets.delete(server);
      breakOff();
    },
  };

  const client = {
    belongTo(process: Process): void {
      owner = process;
      if (process.isDead) breakOff();
      else process.atDeath.add(breakOff);
    },
    accept(): void {
      const early = held ?? [];
      held = null;
      for (const hear of early) hear();
    },
    addEventListener(type: string, listener: Listener): void {
      const known = listeners.get(type) ?? new Set();
      listeners.set(type, known.add(listener));
    },
    send(data: string): void {
      if (state !== "open") throw new TypeError("Can't call WebSocket send() after close().");
      leave(runningProcess(), () => up(data));
    },
    close(code = 1005): void {
      if (state === "gone") return;
      state = "gone";
      endServer("webSocketClose", [code, "", true]);
    },
    breakOff,
  };

  return { server, client };
}

/** What the project needs of `Response`, and the one kind Node does not know: 101 with a socket. */
export class Answer {
  readonly status: number;
  readonly webSocket: ClientEnd | null;
  readonly headers: Headers;
  readonly #text: string | null;

  constructor(
    body: string | null,
    init: { status?: number; headers?: HeadersInit; webSocket?: ClientEnd } = {},
  ) {
    this.status = init.status ?? 200;
    this.headers = new Headers(init.headers);
    this.webSocket = init.webSocket ?? null;
    this.#text = body;
  }

  static json(value: unknown, init: { status?: number } = {}): Answer {
    return new Answer(JSON.stringify(value), init);
  }

  async json(): Promise<unknown> {
    return JSON.parse(this.#text ?? "");
  }

  /** Read in one piece, or not at all. */
  get body() {
    const text = this.#text;
    if (text === null) return null;
    let isRead = false;
    return {
      getReader: () => ({
        async read() {
          const done = isRead;
          isRead = true;
          return done ? { done } : { done, value: new TextEncoder().encode(text) };
        },
        cancel: async () => undefined,
      }),
    };
  }
}
