/** Text as people tell it apart. */

/** Nothing here can be invisible or written in two ways. */
const PLAIN_ASCII = /^[\x21-\x7e]*$/;
const FORMAT_CHARACTERS = /\p{Cf}/gu;

/**
 * The text in NFC (Unicode annex 15), without format characters, which cannot be seen, and without outer white space:
 * two texts that look alike are then mostly equal.
 */
export function normalizeText(text: string): string {
  return PLAIN_ASCII.test(text) ? text : text.normalize("NFC").replace(FORMAT_CHARACTERS, "").trim();
}
