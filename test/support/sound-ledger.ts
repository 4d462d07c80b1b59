import { expect } from 'vitest';
import { verifyLedger } from '../../db/ledger-verify.ts';
import type { Stack } from './stack.ts';

/** Ends a test file: whatever its tests did, the ledger is sound. */
export async function stopWithSoundLedger(stack: Stack): Promise<void> {
  const { breaks } = await verifyLedger(stack.pool);
  await stack.stop();
  expect(breaks).toEqual([]);
}
