/** The page at `/docs`: the API reference. A browser makes it of `/openapi.json`; without scripts it is a table. */

import type { openApiDocument } from "../api/openapi/document.ts";
import { asset, Page } from "./layout.tsx";

type Operation = { method: string; path: string; summary: string };

/** `document` is what `/openapi.json` answers. */
export function Docs({ document }: { document: ReturnType<typeof openApiDocument> }) {
  return (
    <Page
      title="API reference"
      description="Every operation of the API, to read and to try."
      path="/docs"
      styles={[asset("site/docs.css")]}
      scripts={[asset("site/docs.js")]}
    >
      <h1>API reference</h1>
      <p>
        To try an operation here, choose <em>Authorize</em> and give your API key; it is forgotten when you
        leave the page. The whole of it for machines is <a href="/openapi.json">the OpenAPI document</a>.
      </p>
      <div id="reference" />
      <noscript>
        <p>
          Reading and trying operations needs JavaScript. Without it, this is what there is; all the rest
          stands in <a href="/openapi.json">the OpenAPI document</a>.
        </p>
        <OperationTable operations={operationsOf(document)} />
      </noscript>
    </Page>
  );
}

function OperationTable({ operations }: { operations: Operation[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Operation</th>
          <th scope="col">What it does</th>
        </tr>
      </thead>
      <tbody>
        {operations.map(({ method, path, summary }) => (
          <tr>
            <td>
              <code>
                {method} {path}
              </code>
            </td>
            <td>{summary}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const METHODS = ["get", "post", "put", "delete"] as const;

function operationsOf({ paths = {} }: ReturnType<typeof openApiDocument>): Operation[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const summary = item?.[method]?.summary;
      return summary === undefined ? [] : [{ method: method.toUpperCase(), path, summary }];
    }),
  );
}
