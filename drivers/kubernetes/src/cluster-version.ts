/** The oldest Kubernetes that is supported, and whether a cluster is older. Pure. */

/** Native sidecars, `podReplacementPolicy` and the reasons for the disruption of pods are there by default since then. */
const OLDEST_SUPPORTED = { major: 1, minor: 29 } as const;

export interface ClusterVersion {
  readonly told: string;
  readonly isSupported: boolean;
}

/** Of an answer of `/version`. What cannot be read is taken for new. */
export function versionOf(body: unknown): ClusterVersion {
  const {
    gitVersion = "",
    major = "",
    minor = "",
  } = (typeof body === "object" && body !== null ? body : {}) as {
    readonly gitVersion?: string;
    readonly major?: string;
    readonly minor?: string;
  };
  const [ours, theirs] = [OLDEST_SUPPORTED.major * 1_000 + OLDEST_SUPPORTED.minor, numberOf(major) * 1_000 + numberOf(minor)];
  return { told: gitVersion === "" ? `${major}.${minor}` : gitVersion, isSupported: Number.isNaN(theirs) || theirs >= ours };
}

export function tooOld({ told }: ClusterVersion): string {
  return `the cluster has Kubernetes ${told}; ${OLDEST_SUPPORTED.major}.${OLDEST_SUPPORTED.minor} is the oldest that is supported`;
}

/** Some clusters write `27+`. */
function numberOf(text: string): number {
  return Number.parseInt(text, 10);
}
