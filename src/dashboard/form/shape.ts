/**
 * What kind of control each part of a JSON Schema asks for. Where a schema is too free for a form, the shape is
 * `json`: a text area. Pure; knows the JSON Schema (2020-12) that job types publish, and no job type by name.
 */

export type Schema = {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  description?: string;
  default?: unknown;
  pattern?: string;
  format?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  maxItems?: number;
};

export type Property = {
  name: string;
  isRequired: boolean;
  description: string | null;
  /** What the service takes if nothing is given; undefined if the schema names none. */
  fallback: unknown;
  shape: Shape;
};

/** One way a union can be: the values of the deciding property that choose it, and what else it has. */
export type Variant = { values: readonly string[]; description: string | null; properties: Property[] };

export type Shape =
  | { kind: "text"; lengthMin: number; lengthMax: number | null }
  | { kind: "file" }
  | { kind: "time" }
  | { kind: "number"; isInteger: boolean; min: number | null; max: number | null }
  | { kind: "boolean" }
  | { kind: "choice"; values: readonly string[] }
  /** Any number of a few values. */
  | { kind: "choices"; values: readonly string[] }
  /** A list of texts, one a line. */
  | { kind: "lines" }
  /** An object of texts with free names, one "name: value" a line. */
  | { kind: "pairs" }
  /** A text, or a JSON object or list. */
  | { kind: "text or json" }
  | { kind: "json" }
  | { kind: "object"; properties: Property[] }
  | { kind: "list"; item: Shape; itemsMax: number | null }
  | { kind: "union"; decider: string; variants: Variant[] };

/** Ids of stored files are known by their pattern. */
const FILE_PATTERN = /^\^file_/;

/** Longer texts get a text area. */
export const LINE_CHARS_MAX = 255;

/** The control for a value of this schema. */
export function shapeOf(schema: Schema): Shape {
  const alternatives = schema.oneOf ?? schema.anyOf;
  if (alternatives) return unionShape(alternatives);
  if (schema.enum?.every(isText)) return { kind: "choice", values: schema.enum };
  if (isText(schema.const)) return { kind: "choice", values: [schema.const] };
  switch (schema.type) {
    case "string":
      return textShape(schema);
    case "integer":
    case "number":
      return {
        kind: "number",
        isInteger: schema.type === "integer",
        min: schema.minimum ?? null,
        max: schema.maximum ?? null,
      };
    case "boolean":
      return { kind: "boolean" };
    case "array":
      return listShape(schema);
    case "object":
      return objectShape(schema);
    default:
      return { kind: "json" };
  }
}

function textShape({ pattern, format, minLength, maxLength }: Schema): Shape {
  if (pattern && FILE_PATTERN.test(pattern)) return { kind: "file" };
  if (format === "date-time") return { kind: "time" };
  return { kind: "text", lengthMin: minLength ?? (pattern ? 1 : 0), lengthMax: maxLength ?? null };
}

function objectShape(schema: Schema): Shape {
  const { properties, additionalProperties } = schema;
  if (properties) return { kind: "object", properties: propertiesOf(schema) };
  const isPairs = typeof additionalProperties === "object" && additionalProperties.type === "string";
  return isPairs ? { kind: "pairs" } : { kind: "json" };
}

function listShape({ items, maxItems }: Schema): Shape {
  const item = shapeOf(items ?? {});
  if (item.kind === "choice") return { kind: "choices", values: item.values };
  if (item.kind === "text") return { kind: "lines" };
  const isFormed = item.kind === "object" || item.kind === "union";
  return isFormed ? { kind: "list", item, itemsMax: maxItems ?? null } : { kind: "json" };
}

/** A union of objects that one property tells apart; of a text with something else; or, too free, JSON. */
function unionShape(alternatives: Schema[]): Shape {
  const real = alternatives.filter(({ type }) => type !== "null");
  const [only] = real;
  if (only && real.length === 1) return shapeOf(only);
  const [decider] = Object.keys(real[0]?.properties ?? {}).filter((name) =>
    real.every(({ properties }) => valuesOf(properties?.[name]).length > 0),
  );
  if (decider !== undefined) return { kind: "union", decider, variants: real.map(variantBy(decider)) };
  if (!real.some(({ type }) => type === "string")) return { kind: "json" };
  const isScalar = real.every(({ type }) => type === "string" || type === "number" || type === "integer");
  return isScalar ? { kind: "text", lengthMin: 1, lengthMax: null } : { kind: "text or json" };
}

function variantBy(decider: string): (schema: Schema) => Variant {
  return (schema) => ({
    values: valuesOf(schema.properties?.[decider]),
    description: schema.properties?.[decider]?.description ?? null,
    properties: propertiesOf(schema).filter(({ name }) => name !== decider),
  });
}

function valuesOf(schema: Schema | undefined): string[] {
  return (schema?.enum ?? [schema?.const]).filter(isText);
}

function propertiesOf({ properties, required }: Schema): Property[] {
  return Object.entries(properties ?? {}).map(([name, schema]) => ({
    name,
    isRequired: required?.includes(name) ?? false,
    description: schema.description ?? null,
    fallback: schema.default,
    shape: shapeOf(schema),
  }));
}

/** The way of a union that `value` chooses; the first if it chooses none. */
export function variantOf(variants: readonly Variant[], value: string | undefined): Variant | undefined {
  return variants.find(({ values }) => value !== undefined && values.includes(value)) ?? variants[0];
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
