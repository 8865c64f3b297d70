import { LIFECYCLE, STATE_MEANING, isTerminal, jobStates, lifecycleDiagram } from "@windlass/kernel";
import { code, markdown, table, type ReferencePage } from "./page.ts";

export const lifeCyclePage: ReferencePage = {
  path: "docs/reference/life-cycle.md",
  render: () =>
    markdown({
      title: "Life cycle of a job",
      from: "packages/kernel/src/lifecycle.ts",
      parts: [
        "Every job, of whatever kind, is in one of these states. A job in a terminal state never changes again.",
        `\`\`\`mermaid\n${lifecycleDiagram()}\n\`\`\``,
        table(
          ["state", "meaning", "leaves by"],
          jobStates.map((state) => [code(state), STATE_MEANING[state], isTerminal(state) ? "terminal" : waysOut(state)]),
        ),
      ],
    }),
};

function waysOut(state: keyof typeof LIFECYCLE): string {
  return Object.entries<readonly string[]>(LIFECYCLE[state])
    .map(([event, targets]) => `${event} → ${targets.join(" or ")}`)
    .join(" · ");
}
