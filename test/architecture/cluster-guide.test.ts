/**
 * The guide to clusters says what the manifests are: what is typed names objects, Secrets, folders and values that are there, the
 * tables of rights are the Roles, line by line, and every way to end has its row.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { REASONS } from "@windlass/kernel";
import { expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { commandsIn, pageOf, typedIn } from "./guide-blocks.ts";
import { filesBelow, root } from "./source-files.ts";

const TEXT = readFileSync(join(root, "docs/guides/kubernetes.md"), "utf8");
const { blocks } = pageOf("docs/guides/kubernetes.md", TEXT);
const inline = [...TEXT.replaceAll(/^```[^]*?^```$/gmu, "").matchAll(/`((?:kubectl|kind|helm) [^`\n]+)`/gu)].map((match) => match[1] ?? "");
const typed = [...blocks.map((block) => typedIn(block) ?? ""), ...inline].flatMap(commandsIn);

/** Without what sets a variable before it. */
const of = (program: string): readonly (readonly string[])[] => typed.flatMap((words) => (words[0] === program ? [words.slice(1)] : []));

interface Manifest {
  readonly kind?: string;
  readonly metadata?: { readonly name?: string };
  /** Of a kustomization: text, in which an example may name what it wants. */
  readonly patches?: readonly { readonly patch: string }[];
  readonly rules?: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
}

const manifests = filesBelow("deploy/kubernetes")
  .filter((path) => path.endsWith(".yaml"))
  .flatMap((path) => parseAllDocuments(readFileSync(join(root, path), "utf8")).map((document) => document.toJS() as Manifest | null))
  .filter((one) => one !== null);
const namesOf = (kind: string): readonly (string | undefined)[] =>
  manifests.filter((one) => one.kind?.toLowerCase() === kind).map(({ metadata }) => metadata?.name);
const patches = manifests.flatMap((one) => one.patches ?? []).map(({ patch }) => parse(patch) as unknown);
const told = JSON.stringify([manifests, patches]);

const VERBS = ["apply", "create", "delete", "exec", "get", "label", "logs", "port-forward", "rollout", "scale", "describe"];

test("kubectl is asked for objects, namespaces and folders that are there", () => {
  const calls = of("kubectl");
  expect(calls.length).toBeGreaterThan(10);
  const faults: string[] = [];
  for (const words of calls) {
    const isTold = (isSo: boolean, what: string): void => void (isSo || faults.push(`kubectl ${words.join(" ")}: ${what}`));
    const at = words.indexOf("-n");
    const namespace = at < 0 ? null : words[at + 1];
    const [verb = "", ...rest] = at < 0 ? words : words.toSpliced(at, 2);
    isTold(VERBS.includes(verb), `the verb ${verb}`);
    if (namespace !== null) isTold(namesOf("namespace").includes(namespace), `the namespace ${namespace}`);
    for (const word of rest) {
      const [, kind = "", name] = /^(statefulset|deployment|service)\/(.+)$/u.exec(word) ?? [];
      if (name !== undefined) isTold(namesOf(kind).includes(name), `no ${kind} ${name}`);
    }
    const pod = verb === "logs" || verb === "exec" ? rest.find((word) => /-\d$/u.test(word)) : undefined;
    if (pod !== undefined) isTold(namesOf("statefulset").includes(pod.replace(/-\d$/u, "")), `the pod ${pod}`);
    if (rest[0] === "secret") {
      const name = rest[1] === "generic" ? rest[2] : rest[1];
      isTold(told.includes(`"${name}"`), `no manifest asks for the Secret ${name}`);
    }
    const key = rest.map((word) => /^--from-literal=(\w+)=/u.exec(word)?.[1]).find((one) => one !== undefined);
    if (key !== undefined) isTold(told.includes(`"key":"${key}"`) || told.includes(`"${key}"`), `no manifest asks for the key ${key}`);
    const folder = rest[rest.indexOf("-k") + 1];
    if (rest.includes("-k")) isTold(existsSync(join(root, folder ?? "?")), `no folder ${folder}`);
  }
  expect(faults).toEqual([]);
});

test("helm is given a chart and values that are there, npm scripts that are there", () => {
  for (const [verb, , chart = "", ...more] of of("helm")) {
    expect(["install", "upgrade"]).toContain(verb);
    expect(existsSync(join(root, chart, "Chart.yaml")), chart).toBe(true);
    const values = parse(readFileSync(join(root, chart, "values.yaml"), "utf8")) as Readonly<Record<string, unknown>>;
    for (const word of more.filter((one) => one.includes("="))) {
      let at: unknown = values;
      for (const key of word.split("=")[0]?.split(".") ?? []) at = (at as Readonly<Record<string, unknown>> | undefined)?.[key];
      expect(at, word).toBeDefined();
    }
  }
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly scripts: object };
  for (const [verb, name = ""] of of("npm")) if (verb === "run") expect(Object.keys(scripts)).toContain(name);
});

test("every object that is shown is YAML, and a kustomization names folders that are there", () => {
  const objects = blocks
    .filter(({ info }) => info === "yaml")
    .flatMap(({ text }) => parseAllDocuments(text).map((one) => one.toJS() as object));
  expect(objects.length).toBeGreaterThan(4);
  for (const one of objects) expect(one).toMatchObject({ apiVersion: expect.any(String), kind: expect.any(String) });
  const paths = [...JSON.stringify(objects).matchAll(/"\.\.\/windlass\/([^"]+)"/gu)].map((match) => match[1] ?? "");
  expect(paths.length).toBeGreaterThan(1);
  for (const path of paths) expect(existsSync(join(root, path, "kustomization.yaml")), path).toBe(true);
});

test.each([
  ["server-rbac.yaml", "[server-rbac.yaml]", "[watcher-rbac.yaml]"],
  ["watcher-rbac.yaml", "[watcher-rbac.yaml]", "It can change nothing"],
])("the table of rights is %s, line by line", (file, from, to) => {
  const rules = parseAllDocuments(readFileSync(join(root, "deploy/kubernetes/base", file), "utf8")).flatMap(
    (document) => (document.toJS() as Manifest).rules ?? [],
  );
  const given = rules.flatMap(({ resources, verbs }) => resources.flatMap((resource) => verbs.map((verb) => `${resource}: ${verb}`)));
  const section = TEXT.slice(
    TEXT.indexOf(from, TEXT.indexOf("line by line")),
    TEXT.indexOf(to, TEXT.indexOf(from, TEXT.indexOf("line by line")) + from.length),
  );
  const shown = [
    ...section.matchAll(/^\| ((?:`[\w/]+`(?:, )?)+): ([a-z, ]+?)(?:, in the namespace[^|]*|, there|, by a[^|]*)? \|/gmu),
  ].flatMap(([, resources = "", verbs = ""]) =>
    [...resources.matchAll(/`([\w/]+)`/gu)].flatMap(([, resource]) => verbs.split(", ").map((verb) => `${resource}: ${verb}`)),
  );
  expect(shown.toSorted()).toEqual([...new Set(given)].toSorted());
});

test("every way to end that is told on a cluster has its row", () => {
  const source = readdirSync(join(root, "drivers/kubernetes/src")).filter(
    (name) => /^classify[\w-]*\.ts$/u.test(name) && !name.includes("test"),
  );
  const words = source.flatMap((name) => [...readFileSync(join(root, "drivers/kubernetes/src", name), "utf8").matchAll(/"([a-z_]+)"/gu)]);
  // What is told of one that goes on is no end.
  const goesOn = ["is_stopping", "is_running", "pending_outside", "quota_exceeded", "ok"];
  const codes = new Set(words.map((match) => match[1] ?? "").filter((word) => Object.hasOwn(REASONS, word) && !goesOn.includes(word)));
  expect(codes.size).toBeGreaterThan(15);
  expect([...codes].filter((code) => !TEXT.includes(`\`${code}\``))).toEqual([]);
});
