import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authorise, capture, entrySum, voidHold } from '../../db/ledger.ts';
import { verifyLedger } from '../../db/ledger-verify.ts';
import { assertDefined } from '../../domain/assert.ts';
import { uniqueId } from '../support/givens.ts';
import { createTestLedger, POSTED_AT, SHOP, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await createTestLedger();
});
afterAll(() => ledger.drop());

describe('a hold', () => {
  it('lowers what is available, not what is posted', async () => {
    const payer = await ledger.givenAccount(1_000);
    expect(
      await authorise(ledger.pool, {
        holdId: uniqueId('h'),
        accountId: payer,
        amountMinor: 700,
        at: POSTED_AT,
      }),
    ).toBe('HELD');
    expect(await ledger.balanceOf(payer)).toEqual({ posted: 1_000, held: 700 });
    expect(
      await authorise(ledger.pool, {
        holdId: uniqueId('h'),
        accountId: payer,
        amountMinor: 301,
        at: POSTED_AT,
      }),
    ).toBe('INSUFFICIENT_FUNDS');
    await expect(ledger.move(uniqueId('t'), payer, SHOP, 301)).rejects.toThrow('balance_covers_holds');
    expect(await ledger.move(uniqueId('t'), payer, SHOP, 300)).toBe('POSTED');
  });

  it('captured in part releases the rest', async () => {
    const payer = await ledger.givenAccount(1_000);
    const holdId = uniqueId('h');
    await authorise(ledger.pool, { holdId, accountId: payer, amountMinor: 700, at: POSTED_AT });
    const it = {
      holdId,
      transferId: uniqueId('t'),
      kind: 'PAYMENT',
      toAccountId: SHOP,
      amountMinor: 600,
      at: POSTED_AT,
    } as const;
    expect(await capture(ledger.pool, it)).toBe('CAPTURED');
    expect(await capture(ledger.pool, it)).toBe('CAPTURED');
    expect(await ledger.balanceOf(payer)).toEqual({ posted: 400, held: 0 });
  });

  it('voided gives everything back, once, and cannot be captured any more', async () => {
    const payer = await ledger.givenAccount(1_000);
    const holdId = uniqueId('h');
    await authorise(ledger.pool, { holdId, accountId: payer, amountMinor: 700, at: POSTED_AT });
    expect(await voidHold(ledger.pool, holdId, POSTED_AT)).toBe('VOIDED');
    expect(await voidHold(ledger.pool, holdId, POSTED_AT)).toBe('VOIDED');
    const it = {
      holdId,
      transferId: uniqueId('t'),
      kind: 'PAYMENT',
      toAccountId: SHOP,
      amountMinor: 1,
      at: POSTED_AT,
    } as const;
    expect(await capture(ledger.pool, it)).toBe('VOIDED');
    expect(await ledger.balanceOf(payer)).toEqual({ posted: 1_000, held: 0 });
  });

  it('cannot be captured for more than it holds, nor void what was captured', async () => {
    const payer = await ledger.givenAccount(1_000);
    const holdId = uniqueId('h');
    await authorise(ledger.pool, { holdId, accountId: payer, amountMinor: 700, at: POSTED_AT });
    const it = {
      holdId,
      transferId: uniqueId('t'),
      kind: 'PAYMENT',
      toAccountId: SHOP,
      at: POSTED_AT,
    } as const;
    await expect(capture(ledger.pool, { ...it, amountMinor: 701 })).rejects.toThrow('LEDGER_HOLD');
    await capture(ledger.pool, { ...it, amountMinor: 700 });
    expect(await voidHold(ledger.pool, holdId, POSTED_AT)).toBe('CAPTURED');
    expect(await ledger.balanceOf(payer)).toEqual({ posted: 300, held: 0 });
  });

  it('raced by capture and void ends in one of the two, with all money accounted for', async () => {
    const payer = await ledger.givenAccount(1_000);
    const holdId = uniqueId('h');
    await authorise(ledger.pool, { holdId, accountId: payer, amountMinor: 700, at: POSTED_AT });
    const it = {
      holdId,
      transferId: uniqueId('t'),
      kind: 'PAYMENT',
      toAccountId: SHOP,
      amountMinor: 700,
      at: POSTED_AT,
    } as const;
    const ends = await Promise.all([
      capture(ledger.pool, it),
      voidHold(ledger.pool, holdId, POSTED_AT),
      capture(ledger.pool, it),
      voidHold(ledger.pool, holdId, POSTED_AT),
    ]);
    expect(new Set(ends).size).toBe(1);
    expect(await ledger.balanceOf(payer)).toEqual({ posted: ends[0] === 'CAPTURED' ? 300 : 1_000, held: 0 });
  });
});

describe('no sequence of postings and holds', () => {
  interface Step {
    do: 'pay' | 'authorise' | 'capture' | 'void';
    amount: number;
    which: number;
  }
  const step: fc.Arbitrary<Step> = fc.record({
    do: fc.constantFrom('pay', 'authorise', 'capture', 'void'),
    amount: fc.integer({ min: 1, max: 600 }),
    which: fc.nat(3),
  });

  it('makes money or loses it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const payer = await ledger.givenAccount(1_000);
        const shopBefore = await entrySum(ledger.pool, SHOP);
        const holds = [0, 1, 2, 3].map(() => uniqueId('h'));
        // Several callers at once, each refused or served; what counts is the sum afterwards.
        await Promise.allSettled(
          steps.map((it) => {
            const holdId = assertDefined(holds[it.which]);
            if (it.do === 'pay') return ledger.move(uniqueId('t'), payer, SHOP, it.amount);
            if (it.do === 'authorise') {
              return authorise(ledger.pool, {
                holdId,
                accountId: payer,
                amountMinor: it.amount,
                at: POSTED_AT,
              });
            }
            if (it.do === 'void') return voidHold(ledger.pool, holdId, POSTED_AT);
            const transferId = `capture:${holdId}`;
            const amountMinor = it.amount;
            return capture(ledger.pool, {
              holdId,
              transferId,
              kind: 'PAYMENT',
              toAccountId: SHOP,
              amountMinor,
              at: POSTED_AT,
            });
          }),
        );
        const { posted, held } = await ledger.balanceOf(payer);
        expect(posted + ((await entrySum(ledger.pool, SHOP)) - shopBefore)).toBe(1_000);
        expect(held).toBeGreaterThanOrEqual(0);
        expect(posted - held).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 40 },
    );
    // These transfers belong to no payment, which only `payment transfer belongs to a payment` may say.
    const { breaks } = await verifyLedger(ledger.pool);
    expect(breaks.filter((it) => it.check !== 'each payment transfer belongs to a payment')).toEqual([]);
  });
});
