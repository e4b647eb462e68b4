/**
 * What stands in a form: texts by the JSON pointer (RFC 6901) of what they are for. From a value to a form's texts,
 * from the texts back to the value, and what a form's buttons do to them. Pure.
 */

import { type Property, type Shape, variantOf } from "./shape.ts";

/** Texts by pointer; several only for a choice of many. Of a list, the text is its number of items. */
export type State = ReadonlyMap<string, readonly string[]>;

/** What is wrong at a pointer. */
export type Fault = { pointer: string; detail: string };
export type Read = { value: unknown; faults: Fault[] };

const LEFT_OUT: Read = { value: undefined, faults: [] };

/** The pointer of what is called `name` in what `pointer` points at. */
export function below(pointer: string, name: string | number): string {
  return `${pointer}/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** The first text there, or nothing. */
export function textAt(state: State, pointer: string): string | undefined {
  return state.get(pointer)?.[0];
}

/** How many items the list there has. */
export function countAt(state: State, pointer: string): number {
  const count = Number(textAt(state, pointer) ?? 0);
  return Number.isInteger(count) && count > 0 ? Math.min(count, 1_000) : 0;
}

/** The texts of a form that shows `value`. */
export function stateOf(shape: Shape, value: unknown, pointer = ""): Map<string, readonly string[]> {
  const state = new Map<string, readonly string[]>();
  fill(state, shape, value, pointer);
  return state;
}

function fill(state: Map<string, readonly string[]>, shape: Shape, value: unknown, pointer: string): void {
  if (value === undefined) return;
  const members = isObject(value) ? value : {};
  const fillAll = (properties: readonly Property[]) => {
    for (const { name, shape, fallback } of properties) {
      const isTicked = shape.kind === "boolean" && fallback === true && members[name] === undefined;
      fill(state, shape, isTicked ? true : members[name], below(pointer, name));
    }
  };
  switch (shape.kind) {
    case "object":
      fillAll(shape.properties);
      return;
    case "union": {
      const chosen = String(members[shape.decider]);
      state.set(below(pointer, shape.decider), [chosen]);
      fillAll(variantOf(shape.variants, chosen)?.properties ?? []);
      return;
    }
    case "list": {
      const items = Array.isArray(value) ? value : [];
      state.set(pointer, [String(items.length)]);
      for (const [index, item] of items.entries()) fill(state, shape.item, item, below(pointer, index));
      return;
    }
    case "choices":
      state.set(pointer, Array.isArray(value) ? value.map(String) : []);
      return;
    default:
      state.set(pointer, [textOf(shape, value)]);
  }
}

function textOf({ kind }: Shape, value: unknown): string {
  if (kind === "lines" && Array.isArray(value)) return value.join("\n");
  if (kind === "pairs" && isObject(value)) {
    return Object.entries(value)
      .map(([name, text]) => `${name}: ${text}`)
      .join("\n");
  }
  if (kind === "json") return JSON.stringify(value, null, 2);
  if (kind === "time") return String(value).replace(/Z$/, "");
  return typeof value === "object" ? JSON.stringify(value, null, 2) : String(value);
}

/** The value that the form's texts make, without what was left empty, and what in them cannot be understood. */
export function readValue(shape: Shape, state: State, pointer = "", isRequired = true): Read {
  switch (shape.kind) {
    case "object":
      if (!isRequired && !isTouched(state, pointer)) return LEFT_OUT;
      return readMembers(shape.properties, state, pointer, {});
    case "union": {
      const given = textAt(state, below(pointer, shape.decider));
      if (!isRequired && !given) return LEFT_OUT;
      const variant = variantOf(shape.variants, given);
      const chosen = variant?.values.find((value) => value === given) ?? variant?.values[0];
      return readMembers(variant?.properties ?? [], state, pointer, { [shape.decider]: chosen });
    }
    case "list": {
      const count = countAt(state, pointer);
      if (count === 0 && !isRequired) return LEFT_OUT;
      const reads = Array.from({ length: count }, (_, index) =>
        readValue(shape.item, state, below(pointer, index)),
      );
      return { value: reads.map(({ value }) => value), faults: reads.flatMap(({ faults }) => faults) };
    }
    case "choices": {
      const values = state.get(pointer) ?? [];
      return values.length === 0 && !isRequired ? LEFT_OUT : { value: [...values], faults: [] };
    }
    default:
      return readText(shape, textAt(state, pointer) ?? "", pointer, isRequired);
  }
}

function readMembers(
  properties: readonly Property[],
  state: State,
  pointer: string,
  start: Record<string, unknown>,
): Read {
  const faults: Fault[] = [];
  const entries = properties.flatMap(({ name, shape, isRequired, fallback }) => {
    const read = readValue(shape, state, below(pointer, name), isRequired);
    faults.push(...read.faults);
    // An unticked box says no; that goes without saying unless the service would take it for a yes.
    const isDefault = shape.kind === "boolean" && !isRequired && read.value === (fallback ?? false);
    return read.value === undefined || isDefault ? [] : [[name, read.value] as const];
  });
  return { value: { ...start, ...Object.fromEntries(entries) }, faults };
}

/** Whether anything was written or chosen at the pointer or below it. */
function isTouched(state: State, pointer: string): boolean {
  return [...state].some(([key, texts]) => {
    return (key === pointer || key.startsWith(`${pointer}/`)) && texts.some((text) => text.trim() !== "");
  });
}

function readText(shape: Shape, text: string, pointer: string, isRequired: boolean): Read {
  const trimmed = text.trim();
  const good = (value: unknown): Read => ({ value, faults: [] });
  const bad = (detail: string): Read => ({ value: undefined, faults: [{ pointer, detail }] });
  if (shape.kind === "boolean") return good(text === "true");
  const mayBeEmpty = shape.kind === "text" && shape.lengthMin === 0 && isRequired;
  if (trimmed === "" && !(shape.kind === "text" && text !== "") && !mayBeEmpty)
    return isRequired ? bad(missing(shape)) : LEFT_OUT;
  switch (shape.kind) {
    case "number": {
      const number = Number(trimmed);
      return Number.isFinite(number) ? good(number) : bad("This is not a number.");
    }
    case "time":
      return good(utcTime(trimmed));
    case "lines":
      return good(lines(text));
    case "pairs":
      return pairs(text, bad);
    case "json":
      return readJson(trimmed, bad);
    case "text or json":
      return good(/^[[{]/.test(trimmed) ? (parsed(trimmed)?.value ?? text) : text);
    case "file":
      return good(trimmed);
    default:
      return good(text.replaceAll("\r\n", "\n"));
  }
}

function missing({ kind }: Shape): string {
  if (kind === "file") return "Choose a file, or give the id of a stored one.";
  return kind === "choice" ? "Choose one." : "This is needed.";
}

/** A control for times says no zone; it is labelled UTC. */
function utcTime(text: string): string {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(text) ? `${text}:00Z` : text.replace(/(T[\d:.]+)$/, "$1Z");
}

function lines(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line.trim() !== "");
}

function pairs(text: string, bad: (detail: string) => Read): Read {
  const found = new Map<string, string>();
  for (const line of lines(text)) {
    const [, name, value] = /^\s*([^:]+?)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || value === undefined)
      return bad(`Write each line as name: value, unlike “${line}”.`);
    if (found.has(name)) return bad(`Write ${name} once.`);
    found.set(name, value);
  }
  return { value: Object.fromEntries(found), faults: [] };
}

function readJson(text: string, bad: (detail: string) => Read): Read {
  const read = parsed(text);
  return read ? { value: read.value, faults: [] } : bad("This is not well-formed JSON.");
}

function parsed(text: string): { value: unknown } | null {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return null;
  }
}

/** The state with an empty item more in the list at `pointer`. */
export function withItem(state: State, pointer: string): State {
  return new Map(state).set(pointer, [String(countAt(state, pointer) + 1)]);
}

/** The state without item `index` of the list at `pointer`; the later ones move up. */
export function withoutItem(state: State, pointer: string, index: number): State {
  const next = new Map<string, readonly string[]>();
  for (const [key, texts] of state) {
    const [, digits, rest] = key.startsWith(`${pointer}/`)
      ? (/^(\d+)(.*)$/s.exec(key.slice(pointer.length + 1)) ?? [])
      : [];
    if (digits === undefined || Number(digits) < index) next.set(key, texts);
    else if (Number(digits) > index) next.set(`${pointer}/${Number(digits) - 1}${rest}`, texts);
  }
  return next.set(pointer, [String(Math.max(0, countAt(state, pointer) - 1))]);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
