/** How CHANGELOG.md takes in a new version. All packages have one version, and so one changelog. Pure. */
export interface Released {
  readonly version: string;
  /** The texts of its changesets, with how big each change is. */
  readonly changes: readonly { readonly size: "major" | "minor" | "patch"; readonly text: string }[];
}

const HEADINGS = { major: "What you must change for", minor: "New", patch: "Mended" } as const;

/** Everything above the first version stays where it is; the new version comes before the older ones. */
export function changelogWith(changelog: string, released: Released): string {
  const at = changelog.search(/^## /mu);
  const [head, older] = at === -1 ? [changelog, ""] : [changelog.slice(0, at), changelog.slice(at)];
  return `${[head.trimEnd(), sectionOf(released), older.trimEnd()].filter((part) => part !== "").join("\n\n")}\n`;
}

function sectionOf({ version, changes }: Released): string {
  const parts = (["major", "minor", "patch"] as const).flatMap((size) => {
    const texts = changes.filter((change) => change.size === size).map((change) => `- ${change.text.trim().replace(/\n(?=.)/gu, "\n  ")}`);
    return texts.length === 0 ? [] : [`### ${HEADINGS[size]}\n\n${texts.join("\n")}`];
  });
  return [`## ${version}`, ...parts].join("\n\n");
}
