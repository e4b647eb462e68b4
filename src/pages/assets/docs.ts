/** Shows the API reference: Swagger UI over this service's own OpenAPI document. */

declare const SwaggerUIBundle: (options: Record<string, unknown>) => unknown;

SwaggerUIBundle({ url: "/openapi.json", dom_id: "#reference", deepLinking: true });
