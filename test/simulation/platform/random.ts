/** The one source of chance of a simulated world: everything in it follows from the seed (sfc32, public domain). */

export type Random = ReturnType<typeof openRandom>;

/** A stream of chance that is the same for the same seed, on every machine. */
export function openRandom(seed: number) {
  let [a, b, c, counter] = [0x9e3779b9 ^ seed, 0x243f6a88, seed >>> 3, 1];

  /** In [0, 1). */
  function next(): number {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 0x1_0000_0000;
  }

  for (let round = 0; round < 15; round += 1) next();

  /** A whole number in [min, max]. */
  const between = (min: number, max: number) => min + Math.floor(next() * (max - min + 1));

  return {
    next,
    between,
    chance: (probability: number) => next() < probability,
    /** A whole number in [min, max], small ones as likely as large ones by their order of magnitude. */
    spread: (min: number, max: number) => Math.floor(min * (max / min) ** next()),
    pick<T>(list: readonly T[]): T {
      const picked = list[Math.floor(next() * list.length)];
      if (picked === undefined) throw new RangeError("nothing to pick from");
      return picked;
    },
    bytes: (count: number) => Uint8Array.from({ length: count }, () => between(0, 255)),
  };
}
