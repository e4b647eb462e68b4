/** The page at `/`: what this service is, and where to go on. */

import { Page } from "./layout.tsx";

/** Says how to submit a first job at this origin. */
export function Home({ origin }: { origin: string }) {
  return (
    <Page title="Accepted">
      <h1>Work that takes longer than a request may wait</h1>
      <p>{origin}</p>
    </Page>
  );
}
