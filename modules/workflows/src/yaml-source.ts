/**
 * Reads one YAML document as plain JSON and remembers where everything stood.
 *
 * Y1. Nothing that a text holds makes it throw or grow without bound: size, depth and the number of values, counted
 *     after aliases are followed, are limited.
 * Y2. No value is changed on the way: what JSON cannot carry exactly is refused.
 */
import type { Fault, Json } from "@windlass/kernel";
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type Alias, type Document, type Node } from "yaml";
import { DEPTH_MAX } from "./check-shape.ts";
import { FINDINGS_MAX, pathText, shown, type Finding, type Path } from "./finding.ts";
import { FILE_LENGTH_MAX } from "./workflow.ts";

/** Three times what 10,000 steps hold; with aliases a small file could have any number ("billion laughs"). */
const VALUES_MAX = 300_000;

type Targets = ReadonlyMap<Alias, Node>;

export type YamlSource = { readonly data: Json; readonly faultsOf: (findings: readonly Finding[]) => readonly Fault[] };

/** The document as JSON, or all that is wrong with it as YAML. */
export function readYaml(text: string): YamlSource | { readonly faults: readonly Fault[] } {
  if (text.length > FILE_LENGTH_MAX)
    return { faults: [{ path: "", message: `the file has ${text.length} characters; ${FILE_LENGTH_MAX} are allowed` }] };
  const lines = new LineCounter();
  let document: Document;
  try {
    document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: false,
      merge: false,
      schema: "core",
      logLevel: "error",
      stringKeys: true,
    });
  } catch (error) {
    // The parser recurses: a text that is nested too deeply ends it with a RangeError.
    return {
      faults: [
        {
          path: "",
          message: error instanceof RangeError ? "the file is nested too deeply" : `the file cannot be read as YAML: ${String(error)}`,
        },
      ],
    };
  }
  const troubles = [...document.errors, ...document.warnings];
  if (troubles.length > 0) {
    return {
      faults: troubles
        .slice(0, FINDINGS_MAX)
        .map((trouble) => ({ path: "", message: troubleText(trouble), ...position(lines, trouble.pos[0]) })),
    };
  }
  const targets = targetsOf(document);
  const reader = new Reader(targets);
  const data = reader.read(document.contents, [], 0);
  const faultsOf = (findings: readonly Finding[]): readonly Fault[] =>
    findings
      .slice(0, FINDINGS_MAX)
      .map((finding) => ({
        path: pathText(finding.path),
        message: finding.message,
        ...position(lines, offsetOf({ document, targets, text, finding })),
      }))
      .toSorted((a, b) => a.line - b.line || a.column - b.column);
  return reader.findings.length > 0 ? { faults: faultsOf(reader.findings) } : { data, faultsOf };
}

function troubleText({ code, message }: { readonly code: string; readonly message: string }): string {
  // The parser's own words name a function of its library.
  return code === "MULTIPLE_DOCS" ? "a second document begins here; a file is one workflow" : `not valid YAML: ${message}`;
}

function position(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

class Reader {
  readonly findings: Finding[] = [];
  readonly #targets: Targets;
  #values = 0;

  constructor(targets: Targets) {
    this.#targets = targets;
  }

  read(node: unknown, path: Path, depth: number): Json {
    if (++this.#values > VALUES_MAX || depth > DEPTH_MAX) {
      const message =
        depth > DEPTH_MAX ? `nested more than ${DEPTH_MAX} deep` : `more than ${VALUES_MAX} values, counting what aliases repeat`;
      if (this.#values <= VALUES_MAX + 1) this.findings.push({ path, message });
      this.#values = Infinity;
      return null;
    }
    if (isAlias(node)) {
      const target = this.#targets.get(node);
      if (target !== undefined) return this.read(target, path, depth + 1);
      this.findings.push({ path, message: `nothing before it is marked &${node.source}`, at: startOf(node) });
      return null;
    }
    if (isSeq(node)) return this.#list(node.items, path, depth);
    if (isMap(node)) return this.#map(node.items, path, depth);
    if (!isScalar(node)) return null;
    return this.#scalar(node.value, path);
  }

  #list(items: readonly unknown[], path: Path, depth: number): Json {
    const list: Json[] = [];
    for (const [index, item] of items.entries()) {
      if (this.#values === Infinity) break;
      list.push(this.read(item, [...path, index], depth + 1));
    }
    return list;
  }

  #map(items: readonly { key: unknown; value: unknown }[], path: Path, depth: number): Json {
    const map: Record<string, Json> = {};
    for (const { key, value } of items) {
      if (this.#values === Infinity) break;
      const name = isScalar(key) ? String(key.value) : "";
      // Checked here: the library's own check compares every key with every other, half a minute for 20,000.
      if (Object.hasOwn(map, name))
        this.findings.push({ path: [...path, name], message: `the key ${shown(name)} is given twice`, at: startOf(key) });
      else if (!isScalar(key)) this.findings.push({ path, message: "keys must be plain text" });
      else if (name === "__proto__")
        this.findings.push({ path: [...path, name], message: "the key __proto__ is not allowed", atKey: true });
      else map[name] = this.read(value, [...path, name], depth + 1);
    }
    return map;
  }

  #scalar(value: unknown, path: Path): Json {
    if (value === null || typeof value === "string" || typeof value === "boolean") return value;
    if (typeof value !== "number") this.findings.push({ path, message: "only text, numbers, booleans, null, lists and maps are allowed" });
    else if (!Number.isFinite(value))
      this.findings.push({ path, message: "a number must be finite; put it in quotes if it is meant as text" });
    else if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
      this.findings.push({ path, message: `${shown(value)} is too large to be kept exactly; put it in quotes if it is meant as text` });
    } else return value;
    return null;
  }
}

/** Where a finding is in the text: of its value, its key, or the innermost thing around it that is there. */
function offsetOf({ document, targets, text, finding }: { document: Document; targets: Targets; text: string; finding: Finding }): number {
  if (finding.at !== undefined) return finding.at;
  let node: unknown = document.contents;
  let offset = startOf(node);
  for (const [depth, part] of finding.path.entries()) {
    if (isAlias(node)) node = targets.get(node);
    const last = depth === finding.path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === part);
      if (pair === undefined) return offset;
      node = last && finding.atKey === true ? pair.key : (pair.value ?? pair.key);
    } else if (isSeq(node)) node = node.items[part as number];
    else return offset;
    offset = startOf(node, offset);
  }
  const range = (node as Node | null)?.range;
  if (finding.within === undefined || range === undefined || range === null) return offset;
  // An expression that stands in the text as it is (not folded, not escaped) is pointed into.
  const { text: part, from, offset: inner } = finding.within;
  let found = -1;
  for (let seen = 0, at = range[0]; seen <= from; seen++) {
    found = text.indexOf(part, at);
    if (found < 0 || found >= range[1]) return offset;
    at = found + Math.max(part.length, 1);
  }
  return found + inner;
}

/** What each alias stands for, found in one pass: the library goes through the whole document for every one of them. */
function targetsOf(document: Document): Targets {
  const targets = new Map<Alias, Node>();
  const anchors = new Map<string, Node>();
  visit(document, {
    Alias: (_, alias) => {
      const target = anchors.get(alias.source);
      if (target !== undefined) targets.set(alias, target);
    },
    Value: (_, node) => {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

function startOf(node: unknown, otherwise = 0): number {
  return (node as Node | null | undefined)?.range?.[0] ?? otherwise;
}
