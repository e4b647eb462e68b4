/** Where objects live: in the deployment's jurisdiction, and first made near where their tenant's setting says. */

import { type Env, settings } from "../env.ts";

type ObjectBinding = Exclude<
  { [Name in keyof Env]: Env[Name] extends DurableObjectNamespace ? Name : never }[keyof Env],
  undefined
>;

/** The objects of a class. Those of one jurisdiction are other objects than those of another. */
export function objectsOf(env: Env, binding: ObjectBinding): DurableObjectNamespace {
  const { JURISDICTION } = settings(env);
  return JURISDICTION === "" ? env[binding] : env[binding].jurisdiction(JURISDICTION);
}

/** Where the platform should make an object of the tenant that is new. It has no effect on one that exists. */
export function locationOf(env: Env, tenant: string): { locationHint?: DurableObjectLocationHint } {
  const { LOCATION_HINTS } = settings(env);
  const locationHint = LOCATION_HINTS.get(tenant) ?? LOCATION_HINTS.get("*");
  return locationHint ? { locationHint } : {};
}

/** A fresh stub of a tenant's object. */
export function tenantObject(env: Env, binding: ObjectBinding, tenant: string, rest = ""): DurableObjectStub {
  return objectsOf(env, binding).getByName(`${tenant}${rest}`, locationOf(env, tenant));
}
