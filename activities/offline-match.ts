import { timingSafeEqual } from 'node:crypto';
import type { CodeDigester } from '../db/code-digest.ts';
import { findOfflineKey, openOfflineKey } from '../db/offline-key.ts';
import type { Pool } from '../db/pool.ts';
import type { Sealer } from '../db/sealed.ts';
import { acceptableSteps, OFFLINE_KEY_BYTES, offlineCode } from '../domain/code/offline.ts';

export interface OfflineMatchDeps {
  readonly pool: Pool;
  readonly sealer: Sealer;
  readonly digestCode: CodeDigester;
  /** First six digits of codes, as the API has it. */
  readonly codePrefix: string;
}

/**
 * Finds the step of an offline code of which only handle and keyed digest came along.
 * @returns the step, or undefined if the handle is unknown or its key makes no such code within the accepted steps around
 * `atMs`; both take the same computing here. UNREADABLE if no data key at hand opens the key. Revoked, stale and used are
 * the ledger's to judge, under the key's lock.
 */
export type StepMatcher = (
  handle: string,
  codeDigest: string,
  atMs: number,
) => Promise<number | 'UNREADABLE' | undefined>;

const NOBODYS_KEY = new Uint8Array(OFFLINE_KEY_BYTES);

export function createOfflineMatcher({
  pool,
  sealer,
  digestCode,
  codePrefix,
}: OfflineMatchDeps): StepMatcher {
  return async (handle, codeDigest, atMs) => {
    const found = await findOfflineKey(pool, handle);
    const key = found === undefined ? NOBODYS_KEY : openOfflineKey(sealer, found);
    if (key === undefined) return 'UNREADABLE';
    const shown = Buffer.from(codeDigest, 'hex');
    const matching: number[] = [];
    for (const step of acceptableSteps(atMs)) {
      const code = await offlineCode({ prefix: codePrefix, handle, key, step });
      const digests = [digestCode(code), ...digestCode.older(code)];
      // All are compared, whichever is the one.
      if (digests.filter((it) => isSame(shown, Buffer.from(it, 'hex'))).length > 0) matching.push(step);
    }
    // Steps can share a password (one in a million): spending the latest of them spends the code in all.
    return found === undefined ? undefined : matching.at(-1);
  };
}

function isSame(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
