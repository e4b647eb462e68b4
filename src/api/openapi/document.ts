/**
 * The OpenAPI 3.1 document, generated from the schemas that the routes validate. The paths of each resource are in
 * its openapi.ts.
 */

import { z } from "zod";
import { createDocument, type ZodOpenApiPathsObject } from "zod-openapi";
import type { JobTypes } from "../../job-types/define.ts";
import { oncePer } from "../../lib/once.ts";
import { accountPaths } from "../account/openapi.ts";
import { bulkPaths } from "../bulk/openapi.ts";
import { workerPaths } from "../claims/openapi.ts";
import { datasetPaths } from "../datasets/openapi.ts";
import { eventPaths } from "../events/openapi.ts";
import { filePaths } from "../files/openapi.ts";
import { jobTypePaths } from "../job-types/openapi.ts";
import { jobPaths, submitPaths } from "../jobs/openapi.ts";
import { keyPaths } from "../keys/openapi.ts";
import { queuePaths } from "../queues/openapi.ts";
import { envelope } from "../schemas.ts";
import { statsPaths } from "../stats/openapi.ts";
import { tenantPaths } from "../tenants/openapi.ts";
import { tokenPaths } from "../tokens/openapi.ts";
import { uploadPaths } from "../uploads/openapi.ts";
import { webhookPaths } from "../webhooks/openapi.ts";
import { emptyResponse, jsonResponse, publicProblemResponses } from "./parts.ts";

const servicePaths: ZodOpenApiPathsObject = {
  "/v1/health": {
    get: {
      operationId: "getHealth",
      summary: "Whether the service answers",
      tags: ["Service"],
      security: [],
      responses: { "200": jsonResponse("It does", envelope(z.object({ status: z.literal("ok") }))) },
    },
  },
  "/openapi.json": {
    get: {
      operationId: "getOpenApiDocument",
      summary: "This document",
      tags: ["Service"],
      security: [],
      responses: { "200": jsonResponse("OpenAPI 3.1", z.record(z.string(), z.unknown())) },
    },
  },
  "/problems/{code}": {
    get: {
      operationId: "explainProblem",
      summary: "What a problem means and what to do about it",
      tags: ["Service"],
      security: [],
      requestParams: { path: z.object({ code: z.string().meta({ example: "rate_limited" }) }) },
      responses: {
        "200": { ...emptyResponse("A page for people"), content: { "text/html": { schema: z.string() } } },
        ...publicProblemResponses("not_found"),
      },
    },
  },
};

const tags = [
  { name: "Jobs", description: "Submit work, see where it stands, stop it, repeat it, remove it" },
  { name: "Events", description: "What happened to a job, live or later, and its result" },
  { name: "Webhooks", description: "Events delivered to your server, and every attempt" },
  { name: "Job types", description: "What work there is, and what it takes" },
  { name: "Queues", description: "When jobs start: limits, order, pauses" },
  { name: "Remote workers", description: "Claim jobs, run them anywhere, report, end them" },
  { name: "Files", description: "What jobs read and what they produce" },
  { name: "Datasets", description: "What imports made, and reports read" },
  { name: "Tokens", description: "What a web page gets in place of a key" },
  { name: "Keys", description: "Who may do what, and what the tenant uses" },
  { name: "Tenants", description: "For operators: the tenants of this deployment and their keys" },
  { name: "Service", description: "The service itself; needs no key" },
];

/** Every path of the service with these job types. */
export function documentPaths(types: JobTypes): ZodOpenApiPathsObject {
  return {
    ...submitPaths(types),
    ...jobPaths,
    ...bulkPaths,
    ...statsPaths,
    ...eventPaths,
    ...webhookPaths,
    ...jobTypePaths,
    ...queuePaths,
    ...workerPaths,
    ...filePaths,
    ...uploadPaths,
    ...datasetPaths,
    ...tokenPaths,
    ...accountPaths,
    ...keyPaths,
    ...tenantPaths,
    ...servicePaths,
  };
}

/** The document for a deployment at `origin` with these job types. All but the origin is built once: that takes 10 ms. */
export function openApiDocument(types: JobTypes, origin: string) {
  return { ...documentOf(types), servers: [{ url: origin }] };
}

const documentOf = oncePer((types: JobTypes) =>
  createDocument({
    openapi: "3.1.0",
    info: {
      title: "Accepted",
      version: "1.0.0",
      description: `Long-running work over HTTP: post it, track it, get its result. Job types: ${[...types.keys()].join(", ")}.`,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [],
    security: [{ apiKey: [] }],
    tags,
    paths: documentPaths(types),
    components: { securitySchemes: { apiKey: { type: "http", scheme: "bearer" } } },
  }),
);
