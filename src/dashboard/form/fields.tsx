/** The fields of a form: single ones, and those that hold others. One for each part of a shape. */

import type { Child } from "hono/jsx";
import {
  Box,
  Control,
  describedBy,
  type FieldProps,
  type Filled,
  fieldId,
  Labelled,
  Notes,
} from "./controls.tsx";
import { type Property, type Shape, type Variant, variantOf } from "./shape.ts";
import { below, countAt, textAt } from "./state.ts";

type In = { within: string; filled: Filled; isVoluntary?: boolean };
type FieldIn = In & { property: Property };

/** The field for a property of what `within` points at. */
export function Field({ property, within, filled, isVoluntary = false }: FieldIn) {
  const props = { property, pointer: below(within, property.name), filled, isVoluntary };
  switch (property.shape.kind) {
    case "object":
      return (
        <Group {...props}>
          <Fields
            properties={property.shape.properties}
            within={props.pointer}
            filled={filled}
            isVoluntary={isVoluntary || !property.isRequired}
          />
        </Group>
      );
    case "union":
      return (
        <Group {...props}>
          <Union
            shape={property.shape}
            pointer={props.pointer}
            filled={filled}
            isRequired={property.isRequired}
          />
        </Group>
      );
    case "list":
      return <List {...props} shape={property.shape} />;
    case "choices":
      return <Choices {...props} values={property.shape.values} />;
    case "boolean":
      return <Box {...props} />;
    case "file":
      return <FileField {...props} />;
    default:
      return (
        <Labelled {...props}>
          <Control {...props} />
        </Labelled>
      );
  }
}

/** One field after the other. */
export function Fields({ properties, ...within }: In & { properties: Property[] }) {
  return (
    <div class="fields">
      {properties.map((property) => (
        <Field property={property} {...within} />
      ))}
    </div>
  );
}

function Choices({ values, ...props }: FieldProps & { values: readonly string[] }) {
  const chosen = props.filled.state.get(props.pointer) ?? [];
  return (
    <Group {...props}>
      <div class="boxes">
        {values.map((value) => (
          <label class="box">
            <input type="checkbox" name={props.pointer} value={value} checked={chosen.includes(value)} />{" "}
            {value}
          </label>
        ))}
      </div>
    </Group>
  );
}

/** A local file to send along, or the id of one that is stored. */
function FileField(props: FieldProps) {
  const { pointer, filled } = props;
  const id = textAt(filled.state, pointer) ?? "";
  const stored = filled.stored.get(pointer);
  return (
    <Group {...props}>
      <div class="field">
        <label for={fieldId(pointer)}>{stored ? "Another local file" : "A local file"}</label>
        <input type="file" id={fieldId(pointer)} name={`${pointer}#file`} {...describedBy(props)} />
      </div>
      <div class="field">
        <label for={`${fieldId(pointer)}-id`}>or the id of a stored one</label>
        <input
          type="text"
          id={`${fieldId(pointer)}-id`}
          name={pointer}
          value={id}
          placeholder="file_…"
          spellcheck={false}
        />
        {stored && <p class="hint">{stored}</p>}
      </div>
    </Group>
  );
}

function Group({ children, ...props }: FieldProps & { children: Child }) {
  const { property, pointer } = props;
  return (
    <fieldset
      id={property.shape.kind === "file" ? undefined : fieldId(pointer)}
      aria-describedby={describedBy(props)["aria-describedby"]}
    >
      <legend>
        {property.name} {!property.isRequired && <span class="optional">optional</span>}
      </legend>
      <Notes {...props} />
      {children}
    </fieldset>
  );
}

type UnionProps = { shape: Shape & { kind: "union" }; pointer: string; filled: Filled; isRequired: boolean };

/** The property that decides, a button that brings the fields it decides on, and these fields. */
function Union({ shape, pointer, filled, isRequired }: UnionProps) {
  const at = below(pointer, shape.decider);
  const chosen = textAt(filled.state, at);
  const variant = isRequired || chosen ? variantOf(shape.variants, chosen) : undefined;
  return (
    <>
      <div class="field">
        <label for={fieldId(at)}>{shape.decider}</label>
        <div class="row nowrap">
          <select id={fieldId(at)} name={at} data-reshape>
            {!isRequired && <option value="">not given</option>}
            {shape.variants.flatMap(({ values }) =>
              values.map((value) => (
                <option value={value} selected={value === chosen}>
                  {value}
                </option>
              )),
            )}
          </select>
          <button
            type="submit"
            name="do"
            value="reshape"
            formnovalidate
            data-without-script
            id={`${fieldId(at)}-fields`}
          >
            Show its fields
          </button>
        </div>
        {variant?.description && <p class="hint">{variant.description}</p>}
      </div>
      <Fields properties={propertiesOf(variant)} within={pointer} filled={filled} />
    </>
  );
}

function propertiesOf(variant: Variant | undefined): Property[] {
  return variant?.properties ?? [];
}

function List({ shape, ...props }: FieldProps & { shape: Shape & { kind: "list" } }) {
  const { pointer, filled, property } = props;
  const count = countAt(filled.state, pointer);
  const isFull = shape.itemsMax !== null && count >= shape.itemsMax;
  return (
    <Group {...props}>
      <input type="hidden" name={pointer} value={String(count)} />
      {Array.from({ length: count }, (_, index) => {
        const at = below(pointer, index);
        return (
          <fieldset id={fieldId(at)} class="item">
            <legend>
              {property.name} {index + 1}
            </legend>
            <Item shape={shape.item} pointer={at} filled={filled} />
            <button
              type="submit"
              name="do"
              value={`remove ${pointer} ${index}`}
              formnovalidate
              id={`${fieldId(at)}-remove`}
            >
              Remove {property.name} {index + 1}
            </button>
          </fieldset>
        );
      })}
      {!isFull && (
        <button
          type="submit"
          name="do"
          value={`add ${pointer}`}
          formnovalidate
          id={`${fieldId(pointer)}-add`}
        >
          Add to {property.name}
        </button>
      )}
    </Group>
  );
}

function Item({ shape, pointer, filled }: { shape: Shape; pointer: string; filled: Filled }) {
  if (shape.kind === "union") return <Union shape={shape} pointer={pointer} filled={filled} isRequired />;
  return (
    <Fields properties={shape.kind === "object" ? shape.properties : []} within={pointer} filled={filled} />
  );
}
