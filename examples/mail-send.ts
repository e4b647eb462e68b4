import { z } from "zod";
import { defineJobType, JobFailure } from "../src/job-types/define.ts";

export const mailSend = defineJobType({
  type: "mail.send",
  description: "Sends one text to many recipients, one letter each.",
  input: z.strictObject({ text: z.string().min(1), recipients: z.array(z.email()).min(1).max(10_000) }),
  example: { text: "We moved.", recipients: ["ada@example.com"] },
  maxAttempts: 10,
  alsoRetry: ["internal_error"], // such as a broken connection; each letter has a key, so a retry sends none twice
  async run({ text, recipients }, job) {
    let sent = typeof job.checkpoint === "number" ? job.checkpoint : 0;
    for (const to of recipients.slice(sent)) {
      const headers = { "Content-Type": "application/json", "Idempotency-Key": `${job.id}/${sent}` };
      const letter = { method: "POST", headers, body: JSON.stringify({ to, text }), signal: job.signal };
      const { status } = await fetch("https://mail.example.com/letters", letter);
      if (status === 429) throw new JobFailure("rate_limited", { retryAfterMs: 30_000 });
      if (status >= 500) throw new JobFailure("service_unavailable", { code: "mail_unavailable" });
      if (status >= 400) throw new JobFailure("invalid_input", { code: "mail_refused" });
      await job.saveCheckpoint(++sent);
      job.progress({ current: sent, total: recipients.length, unit: "letters" });
    }
    return { sent };
  },
});
