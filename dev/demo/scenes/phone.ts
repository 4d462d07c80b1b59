import { setTimeout as sleep } from 'node:timers/promises';
import { PREFIX_LENGTH } from '../../../domain/code/format.ts';
import { measureOffset, offlineCode, OFFLINE_PERIOD_MS, timeStep } from '../../../domain/code/offline.ts';
import { demand } from '../http.ts';
import { fetchCode, type Payer } from '../world.ts';

/** What `POST /v1/journals` takes. */
export interface Journal {
  readonly entries: readonly {
    readonly entryId: string;
    readonly code: string;
    readonly displayedAt: string;
    readonly clockOffsetMs: number;
  }[];
  readonly coversFrom: string;
  readonly coversTo: string;
}

/** What a phone needs to make codes by itself. */
export interface PhoneKey {
  readonly prefix: string;
  readonly handle: string;
  readonly key: Uint8Array;
  /** What the phone adds to its clock to have the server's time. */
  readonly clockOffsetMs: number;
}

/** A phone without a network: it has its key, its clock and its journal. */
export interface OfflinePhone extends PhoneKey {
  /** The code that was on the screen so many milliseconds ago, default now; written into the journal before it is shown. */
  show(agoMs?: number): Promise<string>;
  /** Everything shown in the last minutes, as the phone sends it when it is online again. */
  journal(): Journal;
}

/** A journal begins that long before its phone went offline: nothing was shown then. */
const COVERED_BEFORE_MS = 120_000;

/** A phone with its key; `clock` is its own, however wrong. */
export function createPhone(phone: PhoneKey, clock: () => number): OfflinePhone {
  const serverNow = (): number => clock() + phone.clockOffsetMs;
  const offlineSinceMs = serverNow();
  const entries: Journal['entries'][number][] = [];
  return {
    ...phone,
    async show(agoMs = 0) {
      const displayedAtMs = clock() - agoMs;
      const code = await offlineCode({ ...phone, step: timeStep(displayedAtMs + phone.clockOffsetMs) });
      entries.push({
        entryId: `shown-${entries.length + 1}`,
        code,
        displayedAt: new Date(displayedAtMs).toISOString(),
        clockOffsetMs: phone.clockOffsetMs,
      });
      return code;
    },
    journal: () => ({
      entries: [...entries],
      coversFrom: new Date(offlineSinceMs - COVERED_BEFORE_MS).toISOString(),
      coversTo: new Date(serverNow()).toISOString(),
    }),
  };
}

/**
 * Fetches a phone's key, once, and measures how wrong its clock is.
 * @param wrongByMs how far the phone's clock is ahead of the time
 */
export async function goOffline(payer: Payer, wrongByMs: number): Promise<OfflinePhone> {
  const clock = (): number => Date.now() + wrongByMs;
  const prefix = (await fetchCode(payer)).slice(0, PREFIX_LENGTH);
  const sentAtMs = clock();
  const issued = await demand(payer.device, 'POST', '/v1/offline-keys', {});
  const clockOffsetMs = measureOffset({
    sentAtMs,
    receivedAtMs: clock(),
    serverTimeMs: Date.parse(String(issued.serverTime)),
  });
  const key = Buffer.from(String(issued.key), 'base64url');
  return createPhone({ prefix, handle: String(issued.handle), key, clockOffsetMs }, clock);
}

/** A code of the step before is good until this one ends: time enough for a till, also on a slow machine. */
const ROOM = { afterStartMs: 1_000, beforeEndMs: 8_000 };

/** How long to wait until the step that is now has only just begun or is far from its end. */
export function pauseForRoomMs(nowMs: number): number {
  const intoStepMs = nowMs % OFFLINE_PERIOD_MS;
  if (intoStepMs < ROOM.afterStartMs) return ROOM.afterStartMs - intoStepMs;
  const leftMs = OFFLINE_PERIOD_MS - intoStepMs;
  return leftMs >= ROOM.beforeEndMs ? 0 : leftMs + ROOM.afterStartMs;
}

/** Waits as {@link pauseForRoomMs} says. */
export async function untilRoomInStep(): Promise<void> {
  await sleep(pauseForRoomMs(Date.now()));
}
