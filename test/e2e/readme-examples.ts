/** The examples of a README as programs: each block of TypeScript below the block that all of them begin with. */
export interface Example {
  readonly title: string;
  readonly program: string;
  /** What it says it prints: the texts behind `// →`, in order. */
  readonly prints: readonly string[];
}

export function examplesOf(markdown: string): readonly Example[] {
  const [, preamble] = /^```ts preamble\n([^]*?)^```$/mu.exec(markdown) ?? [];
  if (preamble === undefined) throw new Error("there is no block ```ts preamble");
  return [...markdown.matchAll(/^### (.+)\n[^]*?^```ts\n([^]*?)^```$/gmu)].map(([, title = "", code = ""]) => ({
    title,
    program: `${preamble}\n${code}`,
    prints: [...code.matchAll(/\/\/ → (.*)$/gmu)].map(([, text = ""]) => text),
  }));
}
