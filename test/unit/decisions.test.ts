import { describe, expect, it } from 'vitest';
import { createDecisions, type Attempt } from '../../api/decisions.ts';
import type { PaymentOutcome } from '../../workflows/payment/contract.ts';

const attempt: Attempt = { workflowId: 'payment:m:p', attemptId: 'a' };
const soon = (): number => Date.now() + 10_000;

function outcome(): PaymentOutcome {
  const view = {
    paymentId: 'pay_1',
    merchantPaymentId: 'p',
    merchantId: 'm',
    storeId: 's',
    terminalId: 't',
    status: 'COMPLETED',
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

  it('of another attempt or workflow is not it', async () => {
    const decisions = createDecisions();
    const waiting = decisions.await(attempt, Date.now() + 20, () => Promise.resolve(true));
    decisions.tell({ ...attempt, attemptId: 'b' }, outcome());
    decisions.tell({ ...attempt, workflowId: 'payment:m:q' }, outcome());
    expect(await waiting).toEqual({ kind: 'late' });
  });

  it('is none where its step gave no answer', async () => {
    const decisions = createDecisions();
    const waiting = decisions.await(attempt, soon(), () => Promise.resolve(true));
    decisions.tell(attempt, undefined);
    expect(await waiting).toEqual({ kind: 'undecided' });
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
