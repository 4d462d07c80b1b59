import { describe, expect, it } from 'vitest';
import { createDecisions, type Attempt } from '../../api/payment/decisions.ts';
import type { PaymentOutcome } from '../../workflows/payment/contract.ts';

const attempt: Attempt = { merchantId: 'm', merchantPaymentId: 'p', attemptId: 'a' };
const soon = (): number => Date.now() + 10_000;

function outcome(status: 'COMPLETED' | 'IN_PROGRESS' = 'COMPLETED'): PaymentOutcome {
  const view = {
    paymentId: 'pay_1',
    merchantPaymentId: 'p',
    merchantId: 'm',
    storeId: 's',
    terminalId: 't',
    status,
    amount: 1,
    currency: 'JPY',
    refundedAmount: 0,
    codeMode: 'ONLINE',
    requestedAt: '2026-01-01T00:00:00.000Z',
  } as const;
  return { view, requestHash: 'h', attemptId: 'a' };
}

describe('a decision that is waited for', () => {
  it('is handed over, also before the start has its answer', async () => {
    const decisions = createDecisions();
    const told = await decisions.await(attempt, soon(), () => {
      decisions.tell(attempt, outcome());
      return new Promise<boolean>(() => undefined);
    });
    expect(told).toEqual({ kind: 'decided', outcome: outcome() });
    expect(decisions.count()).toBe(0);
  });

  it('of another attempt, payment or merchant is not it', async () => {
    const decisions = createDecisions();
    const waiting = decisions.await(attempt, Date.now() + 20, () => Promise.resolve(true));
    decisions.tell({ ...attempt, attemptId: 'b' }, outcome());
    decisions.tell({ ...attempt, merchantPaymentId: 'q' }, outcome());
    decisions.tell({ ...attempt, merchantId: 'n' }, outcome());
    expect(await waiting).toEqual({ kind: 'late' });
  });

  it('is none while the payment is IN_PROGRESS, or its step gave no answer', async () => {
    const decisions = createDecisions();
    for (const it of [outcome('IN_PROGRESS'), undefined]) {
      const waiting = decisions.await(attempt, soon(), () => Promise.resolve(true));
      decisions.tell(attempt, it);
      expect(await waiting).toEqual({ kind: 'undecided' });
    }
  });
});

describe('nothing is remembered', () => {
  it('after a time-out, a start elsewhere, a start that failed, a start that hangs', async () => {
    const decisions = createDecisions();
    const inAMoment = (): number => Date.now() + 10;
    expect(await decisions.await(attempt, inAMoment(), () => Promise.resolve(true))).toEqual({
      kind: 'late',
    });
    expect(await decisions.await(attempt, soon(), () => Promise.resolve(false))).toBeUndefined();
    await expect(
      decisions.await(attempt, soon(), () => Promise.reject(new Error('no server'))),
    ).rejects.toThrow('no server');
    const hanging = decisions.await(attempt, inAMoment(), () => new Promise<boolean>(() => undefined));
    expect(decisions.count()).toBe(1);
    expect(await hanging).toEqual({ kind: 'late' });
    expect(decisions.count()).toBe(0);
    expect(decisions.tally()).toEqual({ decided: 0, undecided: 0, late: 2, elsewhere: 1 });
  });

  it('of what is told when nobody waits', () => {
    const decisions = createDecisions();
    decisions.tell(attempt, outcome());
    expect(decisions.count()).toBe(0);
  });
});
