/** What the worker of the running attempt says over its socket, and what its silence means. */

import { type HeldReport, holdReport } from "../../core/held-report.ts";
import type { Command, Decision, Job } from "../../core/job.ts";
import { log } from "../../lib/log.ts";
import { now } from "../../lib/runtime.ts";
import { INTERNAL_ERROR, POLICY_VIOLATION } from "../../lib/socket.ts";
import type { SocketReport } from "../../rpc/job.ts";
import { jobLogFields } from "./effects.ts";
import { ignoringClosedSocket, type JobSockets } from "./sockets.ts";

/** What it needs of its object: the job as stored, and to apply a command after what is held. */
type JobAccess = {
  load: () => Job | null;
  sockets: JobSockets;
  apply: (job: Job | null, command: Command, held: HeldReport) => Decision | null;
};

export class WorkerReports {
  readonly #object: JobAccess;

  constructor(object: JobAccess) {
    this.#object = object;
  }

  /**
   * Holds a report, or stores it and confirms its log lines. Subscribers send nothing. A report that cannot be stored
   * closes the socket: the worker sends it again over another one.
   */
  receive(socket: WebSocket, message: string | ArrayBuffer): void {
    const held = this.#object.sockets.heldBy(socket);
    try {
      if (held) this.#report(socket, held, JSON.parse(String(message)) as SocketReport);
      else ignoringClosedSocket(() => socket.close(POLICY_VIOLATION, "Messages are not read."));
    } catch (error) {
      const job = this.#object.load();
      log("error", "report_failed", { ...(job ? jobLogFields(job) : {}), error });
      ignoringClosedSocket(() => socket.close(INTERNAL_ERROR));
    }
  }

  /** A worker socket that breaks is the first sign that its worker may have died. What it held is stored. */
  onBroken(socket: WebSocket): void {
    const { load, sockets, apply } = this.#object;
    const held = sockets.heldBy(socket);
    if (held && !sockets.isReplaced(socket, held))
      apply(load(), { type: "shorten_lease", lease: held.lease }, held);
  }

  #report(socket: WebSocket, held: HeldReport, said: SocketReport): void {
    const { load, sockets } = this.#object;
    const job = load();
    const next = job && holdReport(job, held, said, now());
    if (next) sockets.hold(socket, next);
    else this.#store(socket, job, held, said);
  }

  #store(socket: WebSocket, job: Job | null, held: HeldReport, said: SocketReport): void {
    const { sockets, apply } = this.#object;
    const decision = apply(job, { type: "report", lease: held.lease, ...said, isOverSocket: true }, held);
    const isStored = decision?.answer.ok && said.report.logs.length > 0;
    if (isStored) sockets.confirm(socket, decision.job.lastLogNumber);
  }
}
