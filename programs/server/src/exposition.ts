/** Prometheus' text format for figures that are kept as plain numbers: nothing is made for them before they are asked for. */

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface HistogramSample {
  readonly labels: Readonly<Record<string, string>>;
  /** Not added up; one more than there are bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
}

interface Family {
  readonly name: string;
  readonly help: string;
}

export function samplesText(family: Family & { readonly type: "counter" | "gauge"; readonly samples: readonly Sample[] }): string {
  const lines = family.samples.map(({ labels, value }) => line(family.name, labels, value));
  return [...head(family, family.type), ...lines, ""].join("\n");
}

/** `bounds` are in the unit of the name. */
export function histogramText(
  family: Family & { readonly bounds: readonly number[]; readonly samples: readonly HistogramSample[] },
): string {
  const lines = family.samples.flatMap(({ labels, counts, sum }) => {
    let below = 0;
    const buckets = counts.map((count, i) => {
      below += count;
      return line(`${family.name}_bucket`, { ...labels, le: String(family.bounds[i] ?? "+Inf") }, below);
    });
    return [...buckets, line(`${family.name}_sum`, labels, sum), line(`${family.name}_count`, labels, below)];
  });
  return [...head(family, "histogram"), ...lines, ""].join("\n");
}

function head({ name, help }: Family, type: string): string[] {
  return [`# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`, `# TYPE ${name} ${type}`];
}

function line(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
