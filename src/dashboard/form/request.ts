/** The form of `POST /v1/jobs`: a type's input and the options every job has, as one shape. Pure. */

import type { TypeView } from "../api.ts";
import { type Property, type Schema, type Shape, shapeOf, variantOf } from "./shape.ts";
import { below, countAt, type Fault, readValue, type State, stateOf, textAt } from "./state.ts";

/** Where the form keeps the Idempotency-Key, which is a header and no part of the body. */
export const KEY_POINTER = "/idempotency_key";

/** The body of the request, its key, and what in the form cannot be understood. */
export type FormRequest = { body: Record<string, unknown>; idempotencyKey: string | null; faults: Fault[] };

/** The options of a submission, as docs/ and the OpenAPI document have them, in words for a form. */
function optionsSchema(type: TypeView): Schema {
  const { max_attempts, total_timeout_ms } = type.limits;
  const events = ["queued", "started", "attempt_failed", "continued", "succeeded", "failed", "cancelled"];
  return {
    type: "object",
    properties: {
      idempotency_key: {
        type: "string",
        maxLength: 255,
        description: "The same key with the same request is the same job, however often it is sent.",
      },
      metadata: {
        type: "object",
        additionalProperties: { type: "string" },
        description: "Up to 16 pairs of your own, returned with the job and searchable in the list.",
      },
      run_at: {
        type: "string",
        format: "date-time",
        description: "When to begin; at once if empty.",
      },
      start_timeout_ms: {
        type: "integer",
        minimum: 1,
        description: "Cancel it as expired if no attempt began so many milliseconds after it was due.",
      },
      max_attempts: { type: "integer", minimum: 1, maximum: max_attempts },
      total_timeout_ms: {
        type: "integer",
        minimum: 1,
        maximum: total_timeout_ms,
        description: "Milliseconds from due to finished, retries included.",
      },
      on_conflict: {
        type: "string",
        enum: ["use_existing", "reject"],
        default: "use_existing",
        description: "When another job holds the place: answer with that job, or refuse.",
      },
      webhook: {
        type: "object",
        properties: {
          url: {
            type: "string",
            minLength: 1,
            description: "A public https address that is told what happens.",
          },
          events: {
            type: "array",
            items: { enum: events.map((event) => `job.${event}`) },
            description: "Which events are sent; the three final ones if none is chosen.",
          },
        },
        required: ["url"],
      },
    },
  };
}

/** The input's part of the form, and the options' part. */
export function partsOf(type: TypeView): { input: Property; options: Property[] } {
  const options = shapeOf(optionsSchema(type));
  const input = shapeOf(type.input_schema as Schema);
  return {
    input: { name: "input", isRequired: true, description: null, fallback: undefined, shape: input },
    options: options.kind === "object" ? options.properties : [],
  };
}

function wholeShape(type: TypeView): Shape {
  const { input, options } = partsOf(type);
  const isKey = ({ name }: Property) => KEY_POINTER === `/${name}`;
  return { kind: "object", properties: [input, ...options.filter((option) => !isKey(option))] };
}

/** The form as it is first shown: the type's example, without files that nobody has. */
export function initialState(type: TypeView, idempotencyKey: string): State {
  const { input } = partsOf(type);
  const state = stateOf(input.shape, type.example, "/input");
  for (const [pointer, texts] of state) if (texts[0]?.startsWith("file_")) state.delete(pointer);
  return state.set(KEY_POINTER, [idempotencyKey]);
}

/** What the form as it stands would send. */
export function requestOf(type: TypeView, state: State): FormRequest {
  const { value, faults } = readValue(wholeShape(type), state);
  const idempotencyKey = textAt(state, KEY_POINTER)?.trim() || null;
  return { body: { type: type.type, ...(value as object) }, idempotencyKey, faults };
}

/** A fault's pointer as the API writes it, a URI fragment (RFC 6901 section 6), as a plain one. */
export function plainPointer(fragment: string): string {
  try {
    return decodeURIComponent(fragment.replace(/^#/, ""));
  } catch {
    return fragment.replace(/^#/, "");
  }
}

/** A place in the form, and what is there. */
type Place = { pointer: string; kind: Shape["kind"] };

/** Every pointer that has a place in the form as it stands, outer ones first. */
export function placesOf(type: TypeView, state: State): string[] {
  return placesIn(wholeShape(type), state, "")
    .map(({ pointer }) => pointer)
    .concat(KEY_POINTER);
}

/** The state with a stand-in wherever a file is still to be chosen, for a command that shows where its id goes. */
export function withFilesToCome(type: TypeView, state: State): State {
  const next = new Map(state);
  for (const { pointer, kind } of placesIn(wholeShape(type), state, ""))
    if (kind === "file" && !textAt(state, pointer)) next.set(pointer, ["file_…"]);
  return next;
}

function placesIn(shape: Shape, state: State, pointer: string): Place[] {
  const here = { pointer, kind: shape.kind };
  const among = (properties: readonly Property[]) =>
    properties.flatMap(({ name, shape }) => placesIn(shape, state, below(pointer, name)));
  switch (shape.kind) {
    case "object":
      return [here, ...among(shape.properties)];
    case "union": {
      const decider = below(pointer, shape.decider);
      const variant = variantOf(shape.variants, textAt(state, decider));
      return [here, { pointer: decider, kind: "choice" }, ...among(variant?.properties ?? [])];
    }
    case "list": {
      const items = Array.from({ length: countAt(state, pointer) }, (_, index) => below(pointer, index));
      return [here, ...items.flatMap((item) => placesIn(shape.item, state, item))];
    }
    default:
      return [here];
  }
}

/** The faults, each moved to the nearest place of the form that holds what it is about. */
export function placed(faults: readonly Fault[], places: readonly string[]): Fault[] {
  return faults.map(({ pointer, detail }) => {
    const holding = places.filter((place) => pointer === place || pointer.startsWith(`${place}/`));
    const nearest = holding.reduce((best, place) => (place.length > best.length ? place : best), "");
    return { pointer: nearest, detail: nearest === pointer ? detail : `${pointer.slice(1)}: ${detail}` };
  });
}
