/** The single controls of a form. Their names and ids are the JSON pointers of what they are for. */

import type { Child } from "hono/jsx";
import { LINE_CHARS_MAX, type Property, type Shape } from "./shape.ts";
import { type State, textAt } from "./state.ts";

/** What stands in the form and what is wrong with it, by pointer. */
export type Filled = {
  state: State;
  faults: ReadonlyMap<string, readonly string[]>;
  /** Words about the stored file whose id stands at a pointer. */
  stored: ReadonlyMap<string, string>;
};

export type FieldProps = {
  property: Property;
  pointer: string;
  filled: Filled;
  /** What an optional group requires is not required of who leaves the group out. */
  isVoluntary: boolean;
};

/** The id of the control for what `pointer` points at. */
export function fieldId(pointer: string): string {
  return `field${pointer}`;
}

function hintOf({ description, fallback, shape }: Property): string {
  const syntax: Partial<Record<Shape["kind"], string>> = {
    lines: "One a line.",
    pairs: "One a line, as name: value.",
    json: "As JSON.",
    "text or json": "As it is, or as a JSON object or list.",
    time: "In UTC.",
  };
  const isTold =
    fallback !== undefined && fallback !== null && typeof fallback !== "object" && shape.kind !== "boolean";
  const parts = [description, syntax[shape.kind], isTold && `Default: ${JSON.stringify(fallback)}.`];
  return parts.filter((part) => part).join(" ");
}

export function describedBy({ property, pointer, filled }: FieldProps) {
  const ids = [
    ...(filled.faults.has(pointer) ? [`${fieldId(pointer)}-fault`] : []),
    ...(hintOf(property) ? [`${fieldId(pointer)}-hint`] : []),
  ];
  return {
    "aria-describedby": ids.length > 0 ? ids.join(" ") : undefined,
    "aria-invalid": filled.faults.has(pointer) ? ("true" as const) : undefined,
  };
}

/** What is wrong, and what the field is for. */
export function Notes({ property, pointer, filled }: FieldProps) {
  const hint = hintOf(property);
  const faults = filled.faults.get(pointer);
  return (
    <>
      {faults && (
        <p class="fault" id={`${fieldId(pointer)}-fault`}>
          {faults.join(" ")}
        </p>
      )}
      {hint && (
        <p class="hint" id={`${fieldId(pointer)}-hint`}>
          {hint}
        </p>
      )}
    </>
  );
}

export function Labelled({ children, ...props }: FieldProps & { children: Child }) {
  const { name, isRequired } = props.property;
  return (
    <div class="field">
      <label for={fieldId(props.pointer)}>
        {name} {!isRequired && <span class="optional">optional</span>}
      </label>
      {children}
      <Notes {...props} />
    </div>
  );
}

export function Control(props: FieldProps) {
  const { property, pointer, filled } = props;
  const { shape } = property;
  const isRequired = property.isRequired && !props.isVoluntary;
  const text = textAt(filled.state, pointer) ?? "";
  const common = { id: fieldId(pointer), name: pointer, ...describedBy(props) };
  switch (shape.kind) {
    case "number":
      return (
        <input
          {...common}
          type="number"
          value={text}
          required={isRequired}
          min={shape.min ?? undefined}
          max={shape.max ?? undefined}
          step={shape.isInteger ? 1 : "any"}
        />
      );
    case "choice":
      return <Select {...common} values={shape.values} chosen={text} isRequired={property.isRequired} />;
    case "time":
      return <input {...common} type="datetime-local" step="1" value={text} />;
    case "text": {
      const isLong =
        shape.lengthMax !== null && shape.lengthMax > LINE_CHARS_MAX && !/url/i.test(property.name);
      const limits = { required: isRequired && shape.lengthMin > 0, maxlength: shape.lengthMax ?? undefined };
      return isLong ? (
        <textarea {...common} {...limits} rows={2}>
          {area(text)}
        </textarea>
      ) : (
        <input {...common} {...limits} type="text" value={text} autocomplete="off" spellcheck={false} />
      );
    }
    default:
      return (
        <textarea {...common} class="code" rows={4} spellcheck={false} required={isRequired}>
          {area(text)}
        </textarea>
      );
  }
}

/** A text area's text. The first line break in the markup is not part of it (HTML section 13.1.2.5). */
function area(text: string): string {
  return `\n${text}`;
}

type SelectProps = {
  id: string;
  name: string;
  values: readonly string[];
  chosen: string;
  isRequired: boolean;
};

function Select({ values, chosen, isRequired, ...rest }: SelectProps) {
  return (
    <select {...rest}>
      {!isRequired && <option value="">not given</option>}
      {values.map((value) => (
        <option value={value} selected={value === chosen}>
          {value}
        </option>
      ))}
    </select>
  );
}

export function Box(props: FieldProps) {
  const { property, pointer, filled } = props;
  const isChecked = textAt(filled.state, pointer) === "true";
  const attributes = { id: fieldId(pointer), name: pointer, ...describedBy(props) };
  return (
    <div class="field">
      <label class="box">
        <input type="checkbox" value="true" checked={isChecked} {...attributes} /> {property.name}
      </label>
      <Notes {...props} />
    </div>
  );
}
