/**
 * The conformance suite against the local service, each of its checks a test. And against a proxy that breaks the
 * contract in one way at a time: the responsible checks must fail, and no others.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { checksOfAnswers, STATUS_OF_CODE } from "../../conformance/checks/answers.ts";
import { allChecks } from "../../conformance/checks/index.ts";
import { judge, type Report, titleOf } from "../../conformance/run.ts";
import { root } from "../../scripts/wrangler.ts";
import { problemKinds } from "../../src/api/problems.ts";
import { plantedFaults } from "./conformance-faults.ts";
import { startFaultyProxy } from "./faulty-proxy.ts";
import { useOwnService } from "./service.ts";

const titles = [...allChecks, ...checksOfAnswers].map(titleOf);

/** The whole suite has waits of 18 s in it, and most of a minute on a machine that does other things. */
const SUITE_MS = 240_000;

/** Untouched by every planted fault. */
const CONTROLS = ["health needs no key", "the types are listed"];

/** Finds every name that begins so. */
const beginning = (names: string[]) =>
  new RegExp(names.map((name) => ` ${name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`).join("|"));

describe("the suite", () => {
  test("checks: names → more than 150, none twice", () => {
    expect(titles.length).toBeGreaterThan(150);
    expect(new Set(titles).size).toBe(titles.length);
  });

  test("imports: folder conformance/ → nothing of the service and its tests", () => {
    const folder = join(root, "conformance");
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".ts"),
    );
    const imported = files.flatMap((name) =>
      [...readFileSync(join(folder, name), "utf8").matchAll(/from "([^"]+)"/g)].map(
        ([, target = ""]) => target,
      ),
    );
    expect(imported).toContain("ajv/dist/2020.js");
    expect(imported.filter((target) => /\b(src|test|scripts|bench)\//.test(target))).toEqual([]);
  });
});

describe("docs/using/contract.md", () => {
  const contract = readFileSync(join(root, "docs/using/contract.md"), "utf8");

  test("sections: named by a check → exist", () => {
    const named = titles.flatMap((title) => /^contract (\d+)/.exec(title)?.[1] ?? []);
    const headings = [...contract.matchAll(/^## (\d+)\. /gm)].map(([, number]) => number);
    expect(headings).toEqual(expect.arrayContaining([...new Set(named)]));
  });

  test("problems: every code → a row with its status", () => {
    const [, problems = ""] = /^### Problems\n(.*?)^## /ms.exec(contract) ?? [];
    const rows = [...problems.matchAll(/^\| (`[a-z_]+`(?: \/ `[a-z_]+`)*) \| ([\d/ ]+) \|/gm)];
    const codes = rows.flatMap(([, names = "", statuses = ""]) => {
      const numbers = statuses.trim().split(" / ").map(Number);
      return [...names.matchAll(/[a-z_]+/g)].map(([code], index) => [code, numbers[index] ?? numbers[0]]);
    });
    expect(Object.fromEntries(codes)).toEqual(STATUS_OF_CODE);
    const known = Object.entries(problemKinds).map(([code, { status }]) => [code, status]);
    expect(STATUS_OF_CODE).toEqual(Object.fromEntries(known));
  });
});

describe("the local service", () => {
  const service = useOwnService();
  let report: Report;
  beforeAll(async () => {
    report = await judge({ url: service.url, keys: service.keys });
  }, SUITE_MS);

  test.each(titles)("%s", (title) => {
    expect(report.outcomes.find((outcome) => titleOf(outcome) === title)).toMatchObject({
      status: "passed",
      detail: null,
    });
  });

  test("suite: after the run → everything it made is deleted", () => {
    expect(report.left).toEqual([]);
    expect(report.answersSeen).toBeGreaterThan(500);
  });

  test("suite: service refuses http://localhost → webhook checks skipped, with the reason", async () => {
    const asked: string[] = [];
    const refuseFirst = {
      answer(answering: { status: number }, { method, url }: { method: string; url: string }) {
        const isFirst = method === "POST" && url === "/v1/jobs" && asked.push(url) === 1;
        if (isFirst) answering.status = 422;
      },
    };
    const proxy = await startFaultyProxy(service.url, refuseFirst);
    try {
      const only = beginning(["a message arrives once", "a webhook's fields", ...CONTROLS]);
      const { outcomes } = await judge({ url: proxy.url, keys: service.keys, only });
      const skipped = outcomes.filter(({ status }) => status === "skipped");
      expect(skipped).toMatchObject([
        { section: "Standard Webhooks 1.0", detail: expect.stringContaining("http://localhost") },
      ]);
      expect(outcomes.filter(({ status }) => status === "passed")).toHaveLength(3);
    } finally {
      proxy.stop();
    }
  });

  test.each(plantedFaults)(
    "suite: service that $name → the responsible checks fail, no others",
    async ({ fault, noticed }) => {
      const proxy = await startFaultyProxy(service.url, fault);
      try {
        const { outcomes } = await judge({
          url: proxy.url,
          keys: service.keys,
          only: beginning([...noticed, ...CONTROLS]),
        });
        const failed = outcomes.filter(({ status }) => status === "failed").map(({ name }) => name);
        expect(outcomes).toHaveLength(noticed.length + CONTROLS.length);
        expect(failed.filter((name) => !noticed.some((beginning) => name.startsWith(beginning)))).toEqual([]);
        expect(failed).toHaveLength(noticed.length);
      } finally {
        proxy.stop();
      }
    },
  );
});
