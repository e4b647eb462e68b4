/** Rules that follow from the OpenAPI document, so that the document and the answers cannot differ. */

import { z } from "zod";
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject, ZodOpenApiResponseObject } from "zod-openapi";

import { problemHeaderNames } from "./parts.ts";

/** The query parameters of an operation: all of them, and those that may be given several times. */
export type QueryRule = { known: ReadonlySet<string>; repeatable: ReadonlySet<string> };

type Operations = Partial<Record<string, ZodOpenApiOperationObject>>;

/** Every response header that an operation or a problem declares, sorted. */
export function declaredHeaders(paths: ZodOpenApiPathsObject): string[] {
  const names = documentedOperations(paths).flatMap(({ operation }) =>
    Object.values(operation.responses ?? {}).flatMap((response: ZodOpenApiResponseObject) =>
      shapeKeys(response.headers),
    ),
  );
  return [...new Set([...names, ...problemHeaderNames])].sort();
}

/** The query rule of each operation, by method and path: `GET /v1/jobs/{id}`. */
export function queryRules(paths: ZodOpenApiPathsObject): ReadonlyMap<string, QueryRule> {
  return new Map(
    documentedOperations(paths).map(({ method, path, operation }) => {
      const shape = shapeOf(operation.requestParams?.query);
      const repeatable = Object.keys(shape).filter((name) => isList(shape[name]));
      return [
        `${method.toUpperCase()} ${path}`,
        { known: new Set(Object.keys(shape)), repeatable: new Set(repeatable) },
      ] as const;
    }),
  );
}

function documentedOperations(paths: ZodOpenApiPathsObject) {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item as Operations).flatMap(([method, operation]) =>
      operation ? [{ path, method, operation }] : [],
    ),
  );
}

function shapeKeys(schema: unknown): string[] {
  return Object.keys(shapeOf(schema));
}

function shapeOf(schema: unknown): Record<string, unknown> {
  return schema instanceof z.ZodObject ? schema.shape : {};
}

function isList(schema: unknown): boolean {
  return schema instanceof z.ZodOptional ? isList(schema.unwrap()) : schema instanceof z.ZodArray;
}
