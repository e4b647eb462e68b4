/** The curl command that does what the form does. The shell reads the key from a variable. */

const KEY_HEADER = '"Authorization: Bearer $ACCEPTED_KEY"';

/** A word that a POSIX shell reads as exactly this text. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** `curl` for submitting `body` to the service at `origin`. */
export function submitCommand(origin: string, body: string, idempotencyKey: string): string {
  const lines = [
    `curl ${shellQuoted(`${origin}/v1/jobs`)}`,
    `-H ${KEY_HEADER}`,
    "-H 'Content-Type: application/json'",
    `-H ${shellQuoted(`Idempotency-Key: ${idempotencyKey}`)}`,
    `--data-binary ${shellQuoted(body)}`,
  ];
  return lines.join(" \\\n  ");
}
