import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { causeOf, endOf, faultTables, type TableRow } from '../support/fault-table.ts';
import { walkAll } from '../support/fault-walk.ts';
import { connectRepay, repaymentCase, type RepaySide } from '../support/repayments.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';

/** How long we wait for an issuer that is SLOW: longer than for one that is not, on a busy machine, too. */
const PATIENCE_MS = 2_000;

const [rows = []] = await faultTables('docs/repayment.md');

let stack: Stack;
let side: RepaySide;
let ends: TableRow[];

beforeAll(async () => {
  stack = await startStack({ workers: 0, tillDeadlineMs: 30_000 });
  await stack.startWorker({ issuerTimeoutMs: PATIENCE_MS });
  side = await connectRepay(stack);
  ends = await walkAll(
    side.issuer,
    rows.map((row) => repaymentCase(side, row)),
  );
});
afterAll(async () => {
  await side.expectBooksAgree();
  await side.issuer.close();
  await stopWithSoundLedger(stack);
});

describe('a repayment while the issuer fails', () => {
  it('has a table of eleven faults', () => {
    expect(rows).toHaveLength(11);
  });

  it.each(rows.map((row, i) => [causeOf(row), row, i] as const))(
    '%s, ends as docs/repayment.md says',
    (_cause, row, i) => {
      expect(ends[i]).toEqual(endOf(row));
    },
  );
});
