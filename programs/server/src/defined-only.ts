/** A copy without the fields that are undefined: for what tells "left out" from "undefined". */
export type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

export function definedOnly<T extends object>(value: T): Defined<T> {
  const defined: Partial<T> = {};
  for (const name of Object.keys(value) as (keyof T)[]) if (value[name] !== undefined) defined[name] = value[name];
  return defined as Defined<T>;
}
