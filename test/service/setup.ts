/** Before the tests from outside: says what of them cannot be run here. */

import { noBrowser } from "./browser.ts";

export default function setup(): void {
  if (noBrowser !== null) console.warn(noBrowser);
}
