/** The job types and queues that a tenant may use: those of the deployment, and those it declared. */

import type { Env } from "../env.ts";
import type { JobTypes } from "../job-types/define.ts";
import { type DeclaredType, tenantApi } from "../rpc/tenant.ts";
import { toSubmittable } from "../submission/code-type.ts";
import { declaredToSubmittable } from "../submission/declared-type.ts";
import { nameSchema } from "../submission/request.ts";
import type { SubmittableType, TypeFinder } from "../submission/type.ts";
import { trustedAnswers } from "./trusted.ts";

/** What has just been declared exists at once: that there is none is not remembered. */
const trustedTypes = trustedAnswers<DeclaredType | null>((declared) => declared !== null);
const trustedQueues = trustedAnswers<boolean>((isDeclared) => isDeclared);

/** Names that only the service may use, or will use. */
export function isReservedType(name: string): boolean {
  return name === "mail.send" || name === "http.sync" || /^(jobs|test)\./.test(name);
}

/** Finds a type by its name. A type of the deployment needs no call. */
export function typeFinder(env: Env, tenant: string, types: JobTypes): TypeFinder {
  return async (name) => {
    const builtIn = types.get(name);
    if (builtIn) return toSubmittable(builtIn);
    if (!nameSchema.safeParse(name).success) return null;
    const ask = () => tenantApi(env, tenant).jobType(name);
    const declared = await trustedTypes(env, `${tenant}/${name}`, ask);
    return declared && declaredToSubmittable(declared);
  };
}

/** All types that the tenant may submit: those of the deployment first. */
export async function allTypes(env: Env, tenant: string, types: JobTypes): Promise<SubmittableType[]> {
  const declared = await tenantApi(env, tenant).jobTypes();
  return [...[...types.values()].map(toSubmittable), ...declared.map(declaredToSubmittable)];
}

/** Whether the tenant has declared a queue. */
export async function hasQueue(env: Env, tenant: string, name: string): Promise<boolean> {
  const ask = async () => (await tenantApi(env, tenant).queues()).includes(name);
  return trustedQueues(env, `${tenant}/${name}`, ask);
}
