/** The ids of the objects of one namespace: 64 hexadecimal digits, which only the namespace can make. */

import { createHash } from "node:crypto";

export type ObjectId = { name: string; toString: () => string };

/** `kind` keeps the ids of two namespaces apart. */
export function openObjectIds(kind: string) {
  const made = new Map<string, ObjectId>();
  let unique = 0;

  function make(name: string): ObjectId {
    const digits = createHash("sha256").update(`${kind}/${name}`).digest("hex");
    const known = made.get(digits);
    if (known) return known;
    const id = { name, toString: () => digits };
    made.set(digits, id);
    return id;
  }

  return {
    idFromName: (name: string): ObjectId => make(name),
    newUniqueId(): ObjectId {
      unique += 1;
      return make(`unique ${unique}`);
    },
    idFromString(digits: string): ObjectId {
      const known = made.get(digits);
      if (!known) throw new TypeError("The id is not of this namespace.");
      return known;
    },
  };
}
