/** Reads a submitted form without files, as browsers encode it (WHATWG URL section 5). */

/** More than any such form of the dashboard holds. */
const BYTES_MAX = 64 * 1024;

/** The form cannot be read: not one that a browser sends, or too large a text in it. */
export class UnreadableForm extends Error {
  override readonly name = "UnreadableForm";
}

/** The form's fields. Throws UnreadableForm. */
export async function readSimpleForm(request: Request): Promise<URLSearchParams> {
  const mediaType = request.headers.get("Content-Type")?.split(";")[0]?.trim().toLowerCase();
  const isTooLong = Number(request.headers.get("Content-Length") ?? 0) > BYTES_MAX;
  if (mediaType !== "application/x-www-form-urlencoded" || isTooLong) throw new UnreadableForm();
  return new URLSearchParams(new TextDecoder().decode(await request.arrayBuffer()));
}
