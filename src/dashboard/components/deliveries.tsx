/** The webhook deliveries of a job: each attempt, and the button to redeliver. */

import { formatDuration } from "../../lib/duration.ts";
import type { DeliveryView, JobView } from "../../rpc/views.ts";
import { jobPagePath, Time } from "./parts.tsx";

const deliveryBadges = { pending: "running", succeeded: "succeeded", failed: "failed" } as const;

type DeliveriesProps = { job: JobView; deliveries: DeliveryView[]; mayWrite: boolean; now: number };

/** Nothing for a job without a webhook, or whose webhook had nothing to say yet. */
export function DeliveriesSection({ job, deliveries, mayWrite, now }: DeliveriesProps) {
  if (deliveries.length === 0) return null;
  return (
    <section aria-labelledby="deliveries-title">
      <h2 id="deliveries-title">Webhook deliveries</h2>
      <ul class="timeline">
        {deliveries.map((delivery) => (
          <li data-status={deliveryBadges[delivery.status]}>
            <h3>
              <code>{delivery.event}</code>{" "}
              <span class="badge" data-status={deliveryBadges[delivery.status]}>
                {delivery.status}
              </span>
            </h3>
            <DeliveryAttempts delivery={delivery} now={now} />
            {mayWrite && (
              <form
                method="post"
                action={`${jobPagePath(job.id)}/deliveries/${encodeURIComponent(delivery.id)}/redeliver`}
              >
                <button
                  type="submit"
                  id={`redeliver-${delivery.id}`}
                  aria-label={`Send ${delivery.event} again`}
                >
                  Send again
                </button>
              </form>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function DeliveryAttempts({
  delivery: { id, attempts, next_attempt_at },
  now,
}: {
  delivery: DeliveryView;
  now: number;
}) {
  return (
    <>
      <p class="soft">
        <code>{id}</code>
      </p>
      <ul>
        {attempts.map((one) => (
          <li>
            <Time at={one.started_at} now={now} />: {attemptWords(one)}, after{" "}
            {formatDuration(one.duration_ms)}
          </li>
        ))}
      </ul>
      {next_attempt_at && (
        <p>
          The next try is due at <Time at={next_attempt_at} now={now} />.
        </p>
      )}
    </>
  );
}

const errors: Record<string, string> = {
  timeout: "the receiver did not answer in time",
  unreachable: "the receiver could not be reached",
  refused_target: "the address is not one the service may call",
};

function attemptWords({ status, error }: DeliveryView["attempts"][number]): string {
  return status === null ? (errors[error ?? ""] ?? "no answer") : `answered ${status}`;
}
