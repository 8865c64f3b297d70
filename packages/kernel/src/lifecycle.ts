/**
 * The one life cycle of a job: state → event → the states it may lead to.
 * Types, SQL checks, the diagram and the random-walk tests are derived from this table; nothing else lists states.
 * What decides between several targets is `transition.ts`.
 */
export const LIFECYCLE = {
  scheduled: {
    due: ["queued"],
    cancel: ["cancelled"],
    expire: ["expired"],
    skip: ["skipped"],
    stop: ["stopping"],
  },
  queued: {
    claim: ["running"],
    cancel: ["cancelled"],
    expire: ["expired"],
    skip: ["skipped"],
    stop: ["stopping"],
  },
  running: {
    succeed: ["succeeded"],
    fail: ["failed"],
    skip: ["skipped"],
    end: ["cancelled"],
    retry: ["scheduled"],
    release: ["queued"],
    defer: ["scheduled"],
    wait: ["waiting"],
    stop: ["stopping"],
  },
  waiting: {
    succeed: ["succeeded"],
    fail: ["failed"],
    skip: ["skipped"],
    end: ["cancelled"],
    retry: ["scheduled"],
    wait: ["waiting"],
    proceed: ["running"],
    resume: ["queued"],
    stop: ["stopping"],
  },
  stopping: {
    end: ["cancelled", "failed"],
    succeed: ["succeeded"],
    fail: ["failed"],
    retry: ["scheduled"],
  },
  succeeded: {},
  failed: {},
  cancelled: {},
  expired: {},
  skipped: {},
} as const satisfies Record<string, Record<string, readonly string[]>>;

type Table = typeof LIFECYCLE;
export type JobState = keyof Table;
export type LifecycleEvent = { [S in JobState]: keyof Table[S] }[JobState];
export type TerminalState = { [S in JobState]: keyof Table[S] extends never ? S : never }[JobState];
export type LiveState = Exclude<JobState, TerminalState>;

/** What each state means, in the words of the documentation. */
export const STATE_MEANING: Record<JobState, string> = {
  scheduled: "not before a time: a delay, a back-off, a quota",
  queued: "may start when it is admitted",
  running: "an attempt is alive: a worker holds it, something outside carries it, or its children do",
  waiting: "the attempt waits for a time, a signal, an approval or a completion token, and holds no slot",
  stopping: "told to end; ends when its attempt and its children have ended",
  succeeded: "ended well",
  failed: "ended badly; the outcome says how",
  cancelled: "ended because somebody asked for it",
  expired: "not started before its start deadline",
  skipped: "never had to run",
};

const edges: Record<JobState, Partial<Record<LifecycleEvent, readonly string[]>>> = LIFECYCLE;

export const jobStates = Object.keys(LIFECYCLE) as JobState[];
export const liveStates = jobStates.filter((state) => Object.keys(edges[state]).length > 0) as LiveState[];
export const terminalStates = jobStates.filter(isTerminal);
export const lifecycleEvents = [...new Set(jobStates.flatMap((state) => Object.keys(edges[state])))] as LifecycleEvent[];

/** The states that `event` may lead to from `from`; empty when it is not legal there. */
export function targetsOf(from: JobState, event: LifecycleEvent): readonly JobState[] {
  return (edges[from][event] ?? []) as readonly JobState[];
}

export function isLegal(from: JobState, event: LifecycleEvent, to: JobState): boolean {
  return targetsOf(from, event).includes(to);
}

export function isTerminal(state: JobState): state is TerminalState {
  return Object.keys(edges[state]).length === 0;
}

/** The life cycle as a Mermaid state diagram. */
export function lifecycleDiagram(): string {
  const lines = jobStates.flatMap((from) =>
    Object.entries(edges[from]).flatMap(([event, targets]) => (targets ?? []).map((to) => `  ${from} --> ${to}: ${event}`)),
  );
  const ends = terminalStates.map((state) => `  ${state} --> [*]`);
  return ["stateDiagram-v2", "  [*] --> scheduled", "  [*] --> queued", ...lines, ...ends].join("\n");
}
