/** The regular expressions of a source text, found by its syntax tree, and whether their time is linear. */

import { parseAst } from "rolldown/parseAst";
import { analyse } from "scslre";

export type Pattern = { source: string; flags: string };

type AstNode = { type: string; [key: string]: unknown };

/** Every literal, and every pattern given to RegExp as a text. */
export function findPatterns(code: string, lang: "ts" | "tsx"): Pattern[] {
  const found: Pattern[] = [];
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) for (const one of node) visit(one);
    if (!isNode(node)) return;
    const regex = node.regex as { pattern: string; flags: string } | undefined;
    if (node.type === "Literal" && regex) found.push({ source: regex.pattern, flags: regex.flags });
    const isConstructor = node.type === "NewExpression" || node.type === "CallExpression";
    if (isConstructor && isNode(node.callee) && node.callee.name === "RegExp") found.push(constructed(node));
    Object.values(node).forEach(visit);
  };
  visit(parseAst(code, { lang }));
  return found;
}

/** Inputs on which the time grows faster than their length, one message each. */
export function superLinear({ source, flags }: Pattern): string[] {
  const { reports } = analyse(new RegExp(source, flags));
  return reports.map(({ type, exponential }) => `${exponential ? "exponential" : "polynomial"} (${type})`);
}

function constructed(node: AstNode): Pattern {
  const [pattern, flags] = node.arguments as AstNode[];
  const text = pattern?.type === "TemplateLiteral" ? templateText(pattern) : String(pattern?.value ?? "");
  return { source: text, flags: String(flags?.value ?? "") };
}

/** What is put in is taken for one letter. */
function templateText(node: AstNode): string {
  const quasis = node.quasis as { value: { cooked: string } }[];
  return quasis.map(({ value }) => value.cooked).join("x");
}

function isNode(value: unknown): value is AstNode {
  return typeof value === "object" && value !== null && "type" in value;
}
