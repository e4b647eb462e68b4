/** Adds the names and roles that Swagger UI lacks, for screen readers. Its texts stay as they are. */

type Attributes = Record<string, string | null>;

/** What to set on the elements a selector finds; null takes an attribute away. */
const PATCHED: [selector: string, attributes: Attributes | ((element: Element) => Attributes)][] = [
  [".modal-ux", { role: "dialog", "aria-label": "Authorize" }],
  // A key should not be readable over a shoulder.
  [".modal-ux input[type=text]", { type: "password", autocomplete: "off" }],
  [".modal-ux h6", { role: "heading", "aria-level": "5" }],
  [".close-modal", { "aria-label": "Close" }],
  [
    "textarea.body-param__text, .opblock-section-request-body input[type=file]",
    { "aria-label": "Request body" },
  ],
  [".examples-select-element", { "aria-label": "Example" }],
  ["tr[data-param-name] :is(input, select, textarea)", parameterName],
  [".json-schema-2020-12-accordion", nameIfNone],
  // They scroll, so the keyboard must reach them.
  ["pre.microlight", { tabindex: "0" }],
  // A table is not a landmark, and as one it is no table.
  ["table[role=region]", { role: null }],
];

function parameterName(control: Element): Attributes {
  return { "aria-label": control.closest("tr")?.dataset.paramName ?? null };
}

/** For a button that shows a schema without a title. */
function nameIfNone(button: Element): Attributes {
  return button.textContent?.trim() ? {} : { "aria-label": "Schema" };
}

/** Mends all that is added to `root` from now on. */
export function observeAndPatch(root: HTMLElement): void {
  new MutationObserver(() => patch(root)).observe(root, { childList: true, subtree: true });
}

function patch(root: HTMLElement): void {
  for (const [selector, attributes] of PATCHED) {
    for (const element of root.querySelectorAll(selector)) {
      set(element, typeof attributes === "function" ? attributes(element) : attributes);
    }
  }
}

function set(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null) element.removeAttribute(name);
    else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
}
