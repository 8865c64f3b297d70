/** What must hold of data before anything recurses over it: not too deep, and no key that JavaScript gives a meaning. A YAML file is held to the same while it is read. */
import { pathText, type Path } from "./finding.ts";

/** Deeper data are not written by people, and recursion must end somewhere. */
export const DEPTH_MAX = 50;

/** The first thing that is wrong; undefined when all is well. Without recursion of its own. */
export function shapeFault(data: unknown): { readonly path: string; readonly message: string } | undefined {
  const open: { value: unknown; path: Path }[] = [{ value: data, path: [] }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, path } = next;
    if (value === null || typeof value !== "object") continue;
    if (path.length > DEPTH_MAX) return { path: pathText(path), message: `nested more than ${DEPTH_MAX} deep` };
    for (const [key, field] of Object.entries(value)) {
      if (key === "__proto__") return { path: pathText([...path, key]), message: "the key __proto__ is not allowed" };
      open.push({ value: field, path: [...path, Array.isArray(value) ? Number(key) : key] });
    }
  }
  return undefined;
}
