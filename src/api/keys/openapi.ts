/** Keys in the OpenAPI document: the same routes for a tenant's own keys and for operators. */

import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import {
  emptyResponse,
  idInPath,
  jsonBody,
  jsonBodyProblems,
  jsonResponse,
  locationHeader,
  problemResponses,
} from "../openapi/parts.ts";
import { envelope } from "../schemas.ts";
import { TenantNameSchema } from "../tenants/schemas.ts";
import {
  CreatedKeySchema,
  CreateKeyRequestSchema,
  KeyIdSchema,
  KeySchema,
  RotateKeyRequestSchema,
} from "./schemas.ts";

const example = { name: "shop server", scopes: ["jobs:read", "jobs:write"] };

/** `prefix` is the path before `/keys`, `kind` what the operations are named after, `owner` the parameter of the path. */
function pathsFor(prefix: string, kind: string, owner: Record<string, z.ZodType>): ZodOpenApiPathsObject {
  const tags = [kind === "" ? "Keys" : "Tenants"];
  const collection = Object.keys(owner).length === 0 ? {} : { requestParams: { path: z.object(owner) } };
  const single = { requestParams: { path: z.object({ ...owner, id: idInPath(KeyIdSchema) }) } };
  const created = jsonResponse(
    "The key; shown only now",
    envelope(CreatedKeySchema),
    locationHeader("The key's URL"),
  );
  return {
    [`${prefix}/keys`]: {
      get: {
        operationId: `list${kind}Keys`,
        summary: "All keys, without their secrets",
        tags,
        ...collection,
        responses: {
          "200": jsonResponse("All of them", envelope(z.array(KeySchema))),
          ...problemResponses("not_found"),
        },
      },
      post: {
        operationId: `create${kind}Key`,
        summary: "Make a key",
        tags,
        ...collection,
        requestBody: jsonBody(CreateKeyRequestSchema, true, { key: { value: example } }),
        responses: {
          "201": created,
          ...problemResponses("not_found", "quota_exceeded", ...jsonBodyProblems),
        },
      },
    },
    [`${prefix}/keys/{id}`]: {
      get: {
        operationId: `get${kind}Key`,
        summary: "One key, without its secret",
        tags,
        ...single,
        responses: { "200": jsonResponse("The key", envelope(KeySchema)), ...problemResponses("not_found") },
      },
      delete: {
        operationId: `revoke${kind}Key`,
        summary: "Revoke a key: within five seconds it is refused everywhere",
        tags,
        ...single,
        responses: { "204": emptyResponse("Revoked"), ...problemResponses("not_found") },
      },
    },
    [`${prefix}/keys/{id}/rotate`]: {
      post: {
        operationId: `rotate${kind}Key`,
        summary: "Replace a key by a new one with the same scopes; both are valid for a while",
        tags,
        ...single,
        requestBody: jsonBody(RotateKeyRequestSchema, false),
        responses: {
          "201": created,
          ...problemResponses("not_found", "quota_exceeded", ...jsonBodyProblems),
        },
      },
    },
  };
}

export const keyPaths: ZodOpenApiPathsObject = {
  ...pathsFor("/v1", "", {}),
  ...pathsFor("/v1/tenants/{tenant}", "Tenant", { tenant: TenantNameSchema }),
};
