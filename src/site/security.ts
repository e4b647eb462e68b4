/** The headers of every HTML page: what it may load, who may frame it, what others learn of it. */

import type { MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";

/**
 * Nothing inline and nothing from elsewhere: scripts and styles are files of this service, so markup must do without
 * `<script>…</script>`, `<style>` and style attributes. Images may be `data:` URLs, which Swagger UI's style sheet uses.
 */
const contentSecurityPolicy = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", "data:"],
  connectSrc: ["'self'"],
  formAction: ["'self'"],
  frameAncestors: ["'none'"],
  baseUri: ["'none'"],
};

/**
 * The middleware that sets a page's headers. The referrer policy is `same-origin`, because under `no-referrer` a
 * form's POST has `Origin: null`. HTTPS is left to Cloudflare: a header from here would bind the whole host.
 */
export const pageHeaders: MiddlewareHandler = secureHeaders({
  contentSecurityPolicy,
  referrerPolicy: "same-origin",
  xFrameOptions: "DENY",
  strictTransportSecurity: false,
  permissionsPolicy: { camera: false, geolocation: false, microphone: false },
});
