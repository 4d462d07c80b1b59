import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_EVERY_MS = 100;

/**
 * Waits until `isDone`, and gives up only when `measure` has not grown for a while: a slow machine may take its time, a lost
 * thing ends the wait.
 */
export async function waitWhileGrowing(
  isDone: () => boolean,
  measure: () => number,
  patienceMs: number,
): Promise<boolean> {
  let best = measure();
  let grewAtMs = Date.now();
  while (!isDone()) {
    await sleep(LOOK_EVERY_MS);
    const now = measure();
    if (now > best) {
      best = now;
      grewAtMs = Date.now();
    } else if (Date.now() - grewAtMs > patienceMs) return isDone();
  }
  return true;
}
