/** Finds banned names in the syntax tree of a file, where they are used and not merely spelt. */
import { Visitor, type Program } from "oxc-parser";
import type { Banned } from "./banned.ts";

export interface Use {
  readonly banned: Banned;
  readonly offset: number;
}

const TIMERS = new Set(["setTimeout", "setInterval", "setImmediate"]);
const RANDOM = new Set(["randomBytes", "randomInt", "randomUUID", "randomFillSync", "randomFill", "getRandomValues"]);

/** `object.property`, by what it means. */
const MEMBERS: Readonly<Record<string, Banned>> = {
  "Date.now": "clock",
  "performance.now": "clock",
  "process.hrtime": "clock",
  "process.uptime": "clock",
  "AbortSignal.timeout": "timer",
  "Math.random": "random",
  "process.env": "environment",
};

export function bannedUses(program: Program): Use[] {
  const uses: Use[] = [];
  const found = (banned: Banned, node: { start: number }): void => void uses.push({ banned, offset: node.start });
  new Visitor({
    CallExpression(node) {
      const { callee } = node;
      if (callee.type === "Identifier" && TIMERS.has(callee.name)) found("timer", node);
      if (callee.type === "Identifier" && callee.name === "Date") found("clock", node);
    },
    NewExpression(node) {
      if (node.callee.type === "Identifier" && node.callee.name === "Date" && node.arguments.length === 0) found("clock", node);
    },
    MemberExpression(node) {
      if (node.computed || node.property.type !== "Identifier") return;
      const name = node.property.name;
      // `globalThis.Date.now` is as much of a clock as `Date.now`.
      const object = node.object.type === "MemberExpression" && !node.object.computed ? node.object.property : node.object;
      const owner = object.type === "Identifier" ? object.name : "";
      const banned = MEMBERS[`${owner}.${name}`];
      if (banned !== undefined) found(banned, node);
      else if (RANDOM.has(name)) found("random", node);
      else if (owner === "globalThis" && TIMERS.has(name)) found("timer", node);
      if (owner === "console") found("console", node);
    },
    ImportDeclaration(node) {
      const source = node.source.value;
      if (source === "node:timers" || source === "node:timers/promises") found("timer", node);
      if (source === "node:console") found("console", node);
      const names = node.specifiers.map((one) =>
        one.type === "ImportSpecifier" && one.imported.type === "Identifier" ? one.imported.name : "",
      );
      if (source === "node:crypto" && names.some((name) => RANDOM.has(name))) found("random", node);
      if (source === "node:process" && names.includes("env")) found("environment", node);
    },
  }).visit(program);
  return uses;
}
