/** The filter of the job list: read from the address, written to it, and sent to the API. Pure. */

import type { BulkFilter } from "./api.ts";
import { isolate } from "./labels.ts";

/**
 * `metadata` are texts like `customer=42`, or `"a=b"=42` for a key that has an equals sign or outer blanks, which is then quoted as JSON;
 * times are as the API takes them.
 */
export type ListFilter = {
  statuses: string[];
  types: string[];
  createdAfter: string;
  createdBefore: string;
  metadata: string[];
};

/** The filter in the address, without empty values. */
export function readFilter(query: URLSearchParams): ListFilter {
  const all = (name: string) => [...new Set(query.getAll(name))].filter((value) => value !== "");
  return {
    statuses: all("status"),
    types: all("type"),
    createdAfter: utc(query.get("created_after") ?? ""),
    createdBefore: utc(query.get("created_before") ?? ""),
    metadata: all("metadata"),
  };
}

/**
 * A time as a datetime control can show it. Controls have no zone and are labelled UTC, while an address made
 * elsewhere may have another zone.
 */
function utc(text: string): string {
  const at = /^\d{4}-\d\d-\d\dT.*[+-]\d\d:\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return new Date(at).toISOString();
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(text)) return `${text}:00Z`;
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?$/.test(text) ? `${text}Z` : text;
}

/** The text for a browser's control for times: to the second, without the zone. */
export function controlTime(time: string): string {
  return /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z$/.exec(time)?.[1] ?? "";
}

/** The filter as query parameters of the dashboard. */
export function filterPairs(filter: ListFilter): [string, string][] {
  const { statuses, types, createdAfter, createdBefore, metadata } = filter;
  const pairs: [string, string][] = [
    ...statuses.map((status): [string, string] => ["status", status]),
    ...types.map((type): [string, string] => ["type", type]),
    ["created_after", createdAfter],
    ["created_before", createdBefore],
    ...metadata.map((text): [string, string] => ["metadata", text]),
  ];
  return pairs.filter(([, value]) => value !== "");
}

/** Whether the filter restricts anything. */
export function isFiltered(filter: ListFilter): boolean {
  return filterPairs(filter).length > 0;
}

/** The metadata texts that are not `key=value`, and those that repeat a key. */
export function badMetadata({ metadata }: ListFilter): string[] {
  const keys = metadata.map(metadataKey);
  return metadata.filter((_, index) => keys[index] === "" || keys.indexOf(keys[index] ?? "") < index);
}

/** The text that asks for the pair. */
export function metadataText(key: string, value: string): string {
  const isPlain = key === key.trim() && !key.includes("=") && !key.startsWith('"');
  return `${isPlain ? key : JSON.stringify(key)}=${value}`;
}

/** Empty if it has none. */
function metadataKey(text: string): string {
  return readPair(text)[0];
}

function metadataPairs({ metadata }: ListFilter): [string, string][] {
  return metadata.map(readPair);
}

/** A JSON string, then what follows the equals sign. */
const QUOTED_PAIR = /^\s*("(?:[^"\\]|\\.)*")\s*=(.*)$/s;

/** The key and the value; the key is empty if there is none. */
function readPair(text: string): [string, string] {
  const [, quoted, value = ""] = QUOTED_PAIR.exec(text) ?? [];
  const key = quoted === undefined ? null : parseKeyText(quoted);
  if (key !== null) return [key, value];
  const at = Math.max(0, text.indexOf("="));
  return [text.slice(0, at).trim(), text.slice(at + 1)];
}

function parseKeyText(text: string): string | null {
  try {
    return JSON.parse(text) as string;
  } catch {
    return null;
  }
}

/** The filter as `GET /v1/jobs` takes it. */
export function apiQuery(filter: ListFilter): URLSearchParams {
  const metadata = metadataPairs(filter).map(([key, value]) => [`metadata[${key}]`, value] as const);
  const others = filterPairs(filter).filter(([name]) => name !== "metadata");
  return new URLSearchParams([...others, ...metadata].map(([name, value]) => [name, value]));
}

/** The filter as `POST /v1/bulk` takes it. */
export function bulkFilter(filter: ListFilter): BulkFilter {
  const { statuses, types, createdAfter, createdBefore, metadata } = filter;
  return {
    ...(statuses.length > 0 && { status: statuses }),
    ...(types.length > 0 && { type: types }),
    ...(createdAfter && { created_after: createdAfter }),
    ...(createdBefore && { created_before: createdBefore }),
    ...(metadata.length > 0 && { metadata: Object.fromEntries(metadataPairs(filter)) }),
  };
}

/** The filter as text, to be read after "jobs". */
export function filterWords(filter: ListFilter): string {
  const { statuses, types, createdAfter, createdBefore, metadata } = filter;
  const parts = [
    statuses.length > 0 && `whose status is ${statuses.map(isolate).join(" or ")}`,
    types.length > 0 && `of type ${types.map(isolate).join(" or ")}`,
    createdAfter && `accepted at ${isolate(createdAfter)} or later`,
    createdBefore && `accepted before ${isolate(createdBefore)}`,
    metadata.length > 0 && `with ${metadata.map(isolate).join(" and ")}`,
  ];
  return parts.filter((part) => part).join(", ");
}
