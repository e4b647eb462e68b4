/**
 * Shows the API reference: Swagger UI over this service's OpenAPI document, adapted to the page. Its own layout
 * would add a second main landmark, a heading out of order and a choice of one server.
 */

import SwaggerUI, { type Element, type Plugin } from "swagger-ui-dist/swagger-ui-es-bundle.js";
import { observeAndPatch } from "./swagger-ui/mend.ts";

const page: Plugin = ({ React: { createElement: h } }) => ({
  components: {
    ReferenceLayout({ getComponent, specSelectors }): Element {
      const status = specSelectors.loadingStatus();
      if (status === "failed")
        return h("p", { role: "alert" }, "The OpenAPI document could not be loaded. Reload the page.");
      if (status !== "success") return h("p", { role: "status" }, "Loading…");
      return h(
        "div",
        { className: "swagger-ui" },
        h(getComponent("SvgAssets")),
        h(
          "div",
          { className: "spread" },
          h("h2", null, "Operations"),
          h(getComponent("AuthorizeBtnContainer", true)),
        ),
        h(getComponent("errors", true)),
        h(getComponent("operations", true)),
      );
    },
  },
  wrapComponents: {
    // A link inside the button that opens the operation. The address shows the open operation without it.
    DeepLink:
      () =>
      ({ text }: { text: unknown }) =>
        h("span", null, text),
  },
});

const dark = matchMedia("(prefers-color-scheme: dark)");
const followScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", followScheme);
followScheme();

const container = document.getElementById("reference");
if (container) {
  observeAndPatch(container);
  SwaggerUI({
    url: "/openapi.json",
    domNode: container,
    layout: "ReferenceLayout",
    plugins: [page],
    deepLinking: true,
    displayRequestDuration: true,
    // Its colours are inline, out of reach of a style sheet, and some lack contrast.
    syntaxHighlight: { activated: false },
    // The default calls a server elsewhere.
    validatorUrl: null,
  });
}
