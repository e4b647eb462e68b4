/** The command that does what a form would do. The key stays out of it: it is read from the shell's variable. */

const KEY = '"Authorization: Bearer $ACCEPTED_KEY"';

/** A word that a POSIX shell reads as exactly this text. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** `curl` for submitting `body` to the service at `origin`. */
export function submitCommand(origin: string, body: unknown, idempotencyKey: string | null): string {
  const lines = [
    `curl ${shellQuoted(`${origin}/v1/jobs`)}`,
    `-H ${KEY}`,
    "-H 'Content-Type: application/json'",
    ...(idempotencyKey === null ? [] : [`-H ${shellQuoted(`Idempotency-Key: ${idempotencyKey}`)}`]),
    `--data-binary ${shellQuoted(JSON.stringify(body, null, 2))}`,
  ];
  return lines.join(" \\\n  ");
}

/** `curl` for storing the local file of this name first, whose id then takes its place in the body. */
export function uploadCommand(origin: string, filename: string): string {
  const lines = [
    `curl ${shellQuoted(`${origin}/v1/files`)}`,
    `-H ${KEY}`,
    "-H 'Content-Type: application/octet-stream'",
    `--data-binary ${shellQuoted(`@${filename}`)}`,
  ];
  return lines.join(" \\\n  ");
}
