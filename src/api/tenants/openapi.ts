/** Tenants in the OpenAPI document. All need a root key. */

import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import {
  ifSameVersion,
  jsonBody,
  jsonBodyProblems,
  jsonResponse,
  nextPageHeader,
  pageQuery,
  problemResponses,
  versionETag,
} from "../openapi/parts.ts";
import { envelope, pageOf } from "../schemas.ts";
import { PutTenantRequestSchema, TenantNameSchema, TenantSchema } from "./schemas.ts";

const operators = { tags: ["Tenants"] };
const single = { path: z.object({ tenant: TenantNameSchema }) };
const conditional = { ...single, header: ifSameVersion };

export const tenantPaths: ZodOpenApiPathsObject = {
  "/v1/tenants": {
    get: {
      operationId: "listTenants",
      summary: "List tenants, by name",
      ...operators,
      requestParams: { query: pageQuery },
      responses: {
        "200": jsonResponse(
          "A page of tenants",
          pageOf(TenantSchema).meta({ id: "TenantPage" }),
          nextPageHeader,
        ),
        ...problemResponses("malformed_request", "invalid_cursor"),
      },
    },
  },
  "/v1/tenants/{tenant}": {
    get: {
      operationId: "getTenant",
      summary: "One tenant",
      ...operators,
      requestParams: single,
      responses: {
        "200": jsonResponse("The tenant", envelope(TenantSchema), versionETag),
        ...problemResponses("not_found"),
      },
    },
    put: {
      operationId: "putTenant",
      summary: "Create a tenant, or replace its settings; what is left out takes its default",
      ...operators,
      requestParams: conditional,
      requestBody: jsonBody(PutTenantRequestSchema, true, { defaults: { value: {} } }),
      responses: {
        "200": jsonResponse("Replaced", envelope(TenantSchema), versionETag),
        "201": jsonResponse("Created", envelope(TenantSchema), versionETag),
        ...problemResponses("not_found", "precondition_failed", ...jsonBodyProblems),
      },
    },
    delete: {
      operationId: "eraseTenant",
      summary: "End a tenant: its keys, its jobs and all its data",
      description: "Its status is erasing until nothing of it is left; then it is 404.",
      ...operators,
      requestParams: conditional,
      responses: {
        "202": jsonResponse("Being erased", envelope(TenantSchema), versionETag),
        ...problemResponses("not_found", "precondition_failed"),
      },
    },
  },
};
