/** Datasets in the OpenAPI document. */

import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import {
  emptyResponse,
  jsonResponse,
  nextPageHeader,
  pageQuery,
  problemResponses,
} from "../openapi/parts.ts";
import { envelope } from "../schemas.ts";
import { DatasetPageSchema, DatasetSchema } from "./schemas.ts";

const ofDataset = {
  tags: ["Datasets"],
  requestParams: { path: z.object({ dataset: z.string().meta({ description: "Name of a dataset" }) }) },
};

export const datasetPaths: ZodOpenApiPathsObject = {
  "/v1/datasets": {
    get: {
      operationId: "listDatasets",
      summary: "List datasets, by name",
      tags: ["Datasets"],
      requestParams: { query: pageQuery },
      responses: {
        "200": jsonResponse("A page of datasets", DatasetPageSchema, nextPageHeader),
        ...problemResponses("malformed_request", "invalid_cursor"),
      },
    },
  },
  "/v1/datasets/{dataset}": {
    get: {
      operationId: "getDataset",
      summary: "One dataset: its columns, rows and size",
      ...ofDataset,
      responses: {
        "200": jsonResponse("The dataset", envelope(DatasetSchema)),
        ...problemResponses("not_found"),
      },
    },
    delete: {
      operationId: "deleteDataset",
      summary: "Delete a dataset; an import under way makes it anew",
      ...ofDataset,
      responses: { "204": emptyResponse("Gone"), ...problemResponses("not_found") },
    },
  },
};
