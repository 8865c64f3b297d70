/** The id under which a request is found again in logs, problems and the audit: the caller's own when it is one, else ours. */

/** What a log line and a header carry without quoting, and nobody can make a long or misleading one of. */
const WELL_FORMED = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/u;

export function requestIdOf(given: string | undefined, make: () => string): string {
  return given !== undefined && WELL_FORMED.test(given) ? given : make();
}
