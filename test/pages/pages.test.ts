import { expect, it } from "vitest";
import { call } from "../support/http.ts";

it("the first page says what this is", async () => {
  const { status, headers, text } = await call("GET", "/", { as: null });
  expect([status, headers.get("Content-Type")]).toEqual([200, "text/html; charset=UTF-8"]);
  expect(text).toMatch(/^<!doctype html><html lang="en">/);
});
