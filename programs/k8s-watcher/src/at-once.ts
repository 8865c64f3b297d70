/** Lets only so many do something at once; the others wait, first come, first served. */
export function atOnce(max: number): () => Promise<() => void> {
  const waiting: (() => void)[] = [];
  let inside = 0;
  return async () => {
    if (inside >= max) await new Promise<void>((resolve) => void waiting.push(resolve));
    inside++;
    let isLeft = false;
    return () => {
      if (isLeft) return;
      isLeft = true;
      inside--;
      waiting.shift()?.();
    };
  };
}
