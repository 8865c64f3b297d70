/** The packages that are published, in the order in which each finds what it needs: the client, what it is made of, and what it traces with. */
export interface Published {
  /** Its folder in `packages/`. */
  readonly folder: string;
  readonly description: string;
  readonly keywords: readonly string[];
}

const KEYWORDS = ["windlass", "jobs", "queue", "workflows"];

export const PUBLISHED: readonly Published[] = [
  {
    folder: "kernel",
    description: "The words and rules of Windlass as tables and pure functions; part of @windlass/sdk",
    keywords: KEYWORDS,
  },
  { folder: "contract", description: "The API of Windlass as data and schemas; part of @windlass/sdk", keywords: KEYWORDS },
  {
    folder: "sdk",
    description: "Client and worker for Windlass, one control plane for every kind of job",
    keywords: [...KEYWORDS, "client", "worker"],
  },
  { folder: "opentelemetry", description: "Traces of Windlass by OpenTelemetry", keywords: [...KEYWORDS, "opentelemetry", "tracing"] },
];

/** The oldest Node that the packages are tested with. */
export const ENGINES = { node: ">=20.19.0" } as const;
