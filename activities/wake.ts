import type { Pool } from '../db/pool.ts';
import { wakeUserStreams } from '../db/user-event.ts';

const WAKE_AFTER_MS = 20;

/** What a stored outcome says of whom to wake. */
interface Told {
  readonly userId: string | null;
  readonly replayed: boolean;
}

/**
 * Wakes a payer's streams a moment later, many in one go: the caller's answer is on its way meanwhile. A wake-up that is
 * lost, as when this process dies now, is made good by the stream itself.
 */
export function createWaker(pool: Pool): (outcome: Told) => void {
  const toWake = new Set<string>();

  function wakeAll(): void {
    const userIds = [...toWake];
    toWake.clear();
    wakeUserStreams(pool, userIds).catch(() => undefined);
  }

  return ({ userId, replayed }) => {
    if (userId === null || replayed) return;
    if (toWake.size === 0) setTimeout(wakeAll, WAKE_AFTER_MS).unref();
    toWake.add(userId);
  };
}
