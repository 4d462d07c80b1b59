import { expect, it } from 'vitest';
import { TELL_RETRY, tellAgainMs } from '../../../domain/parking/tell-retry.ts';

/** When the tries of a server that never answers come, in milliseconds after the first. */
function triesOf(): number[] {
  const at = [0];
  for (;;) {
    const sinceFirstMs = at.at(-1) ?? 0;
    const next = tellAgainMs(TELL_RETRY, { triesDone: at.length, sinceFirstMs });
    if (next === undefined) return at;
    at.push(sinceFirstMs + next);
  }
}

it('a silent server is asked in seconds first, and for three days', () => {
  const tries = triesOf();
  expect(tries.slice(0, 8)).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500, 30_500, 45_500]);
  const between = (fromMs: number, toMs: number): number =>
    tries.filter((it) => it >= fromMs && it < toMs).length;
  expect(between(0, 60_000)).toBeGreaterThanOrEqual(8);
  expect(between(600_000, 3_600_000)).toBe(50);
  expect(tries.at(-1)).toBeGreaterThanOrEqual(72 * 3_600_000);
  expect(tries.at(-1)).toBeLessThan(73 * 3_600_000 + 60_000);
  expect(tries.length).toBeLessThan(200);
});
