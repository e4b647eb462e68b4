/** The binding of the job objects, with some calls replaced. */

import { env } from "cloudflare:workers";
import { makeJobId } from "../../src/lib/id.ts";

type Method = (...args: never[]) => unknown;
export type Methods = Record<string, Method>;

/**
 * A namespace whose objects answer the calls that `replace` returns for them; all others go to the real object.
 * `replace` gets the object's id in hexadecimal and the real calls.
 */
export function jobsWith(replace: (objectId: string, real: Methods) => Methods): object {
  const { JOBS } = env;
  const get = (id: DurableObjectId) => {
    const real = JOBS.get(id) as unknown as Methods;
    const replaced = replace(id.toString(), real);
    return new Proxy(replaced, {
      get(_, name: string) {
        // What has no `then` can be returned by an async function as it is.
        if (name === "then") return undefined;
        return replaced[name] ?? ((...args: never[]) => real[name]?.(...args));
      },
    });
  };
  return {
    get,
    idFromString: (id: string) => JOBS.idFromString(id),
    idFromName: (name: string) => JOBS.idFromName(name),
    newUniqueId: () => JOBS.newUniqueId(),
  };
}

/** The id of a job that this deployment might have made, and has not. */
export function absentJobId(): string {
  return makeJobId(env.JOBS.newUniqueId().toString());
}
