/** The secrets that a container was given when it was made, as it tells them itself: elsewhere they may have other values by now. Pure. */
import type { MaskRule } from "@windlass/kernel";
import type { LaunchNote } from "./attempt-notes.ts";
import type { ContainerDetails } from "./container-engine.ts";

export function withSecretsInside(
  { secrets, patterns }: MaskRule,
  { secretVariables = [] }: Pick<LaunchNote, "secretVariables">,
  { environment }: Pick<ContainerDetails, "environment">,
): MaskRule {
  const values = secretVariables.flatMap((name) =>
    environment.filter((entry) => entry.startsWith(`${name}=`)).map((entry) => entry.slice(name.length + 1)),
  );
  return { secrets: [...new Set([...secrets, ...values])], patterns };
}
