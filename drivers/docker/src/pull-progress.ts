/** How far a pull is, from what an engine says of it: lines of JSON, one for each step of a layer. Pure. */
import type { Progress } from "@windlass/kernel";
import { formatBytes } from "@windlass/kernel";

export interface PullLine {
  readonly id?: string;
  readonly status?: string;
  readonly current?: number;
  readonly total?: number;
  readonly error?: string;
}

/** A line that is no JSON says nothing. */
export function pullLine(line: string): PullLine {
  if (line.trim() === "") return {};
  try {
    const { id, status, progressDetail, error, errorDetail } = JSON.parse(line) as Said;
    const why = errorDetail?.message ?? error;
    return {
      ...(id === undefined ? {} : { id }),
      ...(status === undefined ? {} : { status }),
      ...(progressDetail?.current === undefined ? {} : { current: progressDetail.current }),
      ...(progressDetail?.total === undefined ? {} : { total: progressDetail.total }),
      ...(why === undefined || why === "" ? {} : { error: why }),
    };
  } catch {
    // Torn or foreign: the end of the pull says how it went.
    return {};
  }
}

interface Said {
  readonly id?: string;
  readonly status?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string };
}

export function pullProgress(image: string): { readonly add: (line: PullLine) => void; readonly read: () => Progress } {
  const layers = new Map<string, { current: number; total: number }>();
  return {
    add: ({ id, current, total }) => {
      if (id !== undefined && current !== undefined && total !== undefined && total > 0) layers.set(id, { current, total });
    },
    read: () => {
      const all = [...layers.values()];
      const done = all.reduce((sum, layer) => sum + layer.current, 0);
      const total = all.reduce((sum, layer) => sum + layer.total, 0);
      const size = total === 0 ? "" : `: ${formatBytes(done)} of ${formatBytes(total)}`;
      return { fraction: null, text: `pulling the image ${image}${size}` };
    },
  };
}
