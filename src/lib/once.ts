/** What is computed once per isolate. */

/** `compute`, called once for each key; what it returns must depend on nothing else, and is shared: it is not to be changed. */
export function oncePer<Key extends object, Value>(compute: (key: Key) => Value): (key: Key) => Value {
  const known = new WeakMap<Key, { value: Value }>();
  return (key) => {
    const found = known.get(key) ?? { value: compute(key) };
    known.set(key, found);
    return found.value;
  };
}
