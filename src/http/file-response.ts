import type { Context } from "hono";
import type { AppEnv } from "./app-env.ts";
import { Problem } from "./problems.ts";

export async function fileResponse(_c: Context<AppEnv>, _fileId: string): Promise<Response> {
  throw new Problem("not_found");
}
