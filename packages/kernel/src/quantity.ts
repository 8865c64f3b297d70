/** Amounts of memory as Kubernetes writes them: `64Mi`, `1G`, `1048576` (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/). */
const FACTORS: Record<string, number> = {
  "": 1,
  k: 1e3,
  K: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** Bytes, or undefined when it is not a positive amount. Numbers and numeric strings are bytes. */
export function parseBytes(value: string | number): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/u.exec(String(value).trim());
  const factor = match === null ? undefined : FACTORS[match[2] ?? ""];
  if (match === null || factor === undefined) return undefined;
  const bytes = Math.round(Number(match[1]) * factor);
  return bytes > 0 ? bytes : undefined;
}

/** Cores: `500m` is half of one, `2` and `"2"` are two. Undefined when it is not a positive amount. */
export function parseCores(value: string | number): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(m?)$/u.exec(String(value).trim());
  const cores = match === null ? 0 : Number(match[1]) / (match[2] === "m" ? 1_000 : 1);
  return cores > 0 ? cores : undefined;
}

/** `64Mi`, `1.5Gi`, `512`: for people. */
export function formatBytes(bytes: number): string {
  for (const unit of ["Ti", "Gi", "Mi", "Ki"]) {
    const factor = FACTORS[unit] ?? 1;
    if (bytes >= factor) return `${Math.round((bytes / factor) * 10) / 10}${unit}`;
  }
  return String(bytes);
}
