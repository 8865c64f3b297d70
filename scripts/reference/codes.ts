/** The tables of codes: outcomes, reasons, errors and events. */
import { ERRORS, EVENTS, OUTCOMES, REASONS, errorCodes, eventTypes, outcomes, reasons } from "@windlass/kernel";
import { code, markdown, table, type ReferencePage } from "./page.ts";

export const outcomesPage: ReferencePage = {
  path: "docs/reference/outcomes.md",
  render: () =>
    markdown({
      title: "Outcomes",
      from: "packages/kernel/src/outcome.ts",
      parts: [
        "How an attempt or a job ended. Each comes with a [reason](reasons.md) and a message. A retry policy may name those whose state is `failed`.",
        table(
          ["outcome", "state", "meaning"],
          outcomes.map((outcome) => [code(outcome), code(OUTCOMES[outcome].state), OUTCOMES[outcome].meaning]),
        ),
      ],
    }),
};

export const reasonsPage: ReferencePage = {
  path: "docs/reference/reasons.md",
  render: () =>
    markdown({
      title: "Reasons",
      from: "packages/kernel/src/reason.ts",
      parts: [
        "Why an attempt or a job ended, or why it does not run. Codes never change; the words around them may.",
        table(
          ["reason", "meaning", "what to do"],
          reasons.map((reason) => [code(reason), REASONS[reason].meaning, REASONS[reason].todo]),
        ),
      ],
    }),
};

export const errorsPage: ReferencePage = {
  path: "docs/reference/errors.md",
  render: () =>
    markdown({
      title: "Errors",
      from: "packages/kernel/src/error.ts",
      parts: [
        "Why a request was refused or an operation failed: `code` in a problem document (`application/problem+json`) and in the CLI's `--json`. " +
          "A job that fails is not an error; it has an [outcome](outcomes.md).",
        table(
          ["code", "HTTP status", "exit code of the CLI", "worth trying again", "meaning"],
          errorCodes.map((name) => {
            const { status, exit, retry, meaning } = ERRORS[name];
            return [code(name), String(status), String(exit), retry ? "yes" : "no", meaning];
          }),
        ),
        "Exit codes: 0 well, 1 a job failed, 2 usage, 3 not found, 4 refused, 5 unreachable, 130 interrupted.",
      ],
    }),
};

export const eventsPage: ReferencePage = {
  path: "docs/reference/events.md",
  render: () =>
    markdown({
      title: "Events",
      from: "packages/kernel/src/event.ts",
      parts: [
        "What is recorded of a job, numbered from 1 per job without gaps, in the transaction of what happened.",
        table(
          ["type", "meaning"],
          eventTypes.map((type) => [code(type), EVENTS[type]]),
        ),
      ],
    }),
};
