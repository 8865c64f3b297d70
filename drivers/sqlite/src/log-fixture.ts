/** The log of a file is whole up to any of these lengths: a header, then frames of one page each. */
export function logCuts(log: Buffer): number[] {
  const [header, frame] = [32, 24 + 4_096];
  return Array.from({ length: Math.floor((log.length - header) / frame) + 1 }, (_, frames) => header + frames * frame);
}
