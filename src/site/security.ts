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
 * The middleware that gives a page its headers. `same-origin` as the referrer policy, and not `no-referrer`, because
 * under that a form's POST says `Origin: null`. HTTPS is left to Cloudflare: a header from here would bind the whole host.
 */
export const pageHeaders: MiddlewareHandler = secureHeaders({
  contentSecurityPolicy,
  referrerPolicy: "same-origin",
  xFrameOptions: "DENY",
  strictTransportSecurity: false,
  permissionsPolicy: { camera: false, geolocation: false, microphone: false },
});
