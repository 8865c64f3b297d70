/** The pieces that transitions are made of: a job that stays where it is, one that moves, an event, a refusal. */
import type { Refusal } from "./change.ts";
import type { NewEvent, Step } from "./ending.ts";
import type { LiveJob } from "./job.ts";

export type Transition = Step | { readonly refused: Refusal };

export function keep(next: LiveJob, ...events: NewEvent[]): Step {
  return { next, final: null, via: null, attempt: null, events, fact: null, releasesKey: false };
}

export function moved(via: Step["via"], next: LiveJob, ...events: NewEvent[]): Step {
  return { ...keep(next, ...events), via };
}

export function event(type: NewEvent["type"], attempt: number | null, data: NewEvent["data"]): NewEvent {
  return { type, attempt, data };
}

export function refuse(code: Refusal["code"], why: string): { readonly refused: Refusal } {
  return { refused: { code, why } };
}
