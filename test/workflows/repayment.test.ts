import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { repaymentOperationKey } from '../../domain/credit/credit.ts';
import { dunningWorkflowId } from '../../workflows/dunning/contract.ts';
import { createFaultyPool } from '../support/faults.ts';
import { givenMerchant, pay, uniqueId } from '../support/givens.ts';
import { always } from '../support/issuer.ts';
import { connectRepay, type GivenDebt, type RepaySide } from '../support/repayments.ts';
import { runNightly } from '../support/reconcile.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type RunningWorker, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let side: RepaySide;
let worker: RunningWorker;

/** Far below an answer's 2.5 s, so that what hangs is known to hang. */
const ISSUER_TIMEOUT_MS = 1_000;

beforeAll(async () => {
  stack = await startStack({ workers: 0, tillDeadlineMs: 2_500 });
  side = await connectRepay(stack);
  worker = await stack.startWorker({ issuerTimeoutMs: ISSUER_TIMEOUT_MS });
});
afterEach(() => side.issuer.setFaults());
afterAll(async () => {
  await side.expectBooksAgree();
  await side.issuer.close();
  await stopWithSoundLedger(stack);
});

async function closingsOf({ debtId }: GivenDebt): Promise<number | null> {
  const found = await stack.pool.query(
    `select 1 from webhook_event where owner_kind = 'ISSUER' and body::json ->> 'debtId' = $1`,
    [debtId],
  );
  return found.rowCount;
}

/** Waits until the campaign has sent its first message, so that it is what a repayment finds. */
async function reminded(it: Parameters<RepaySide['givenDebt']>[0] = {}): Promise<GivenDebt> {
  const debt = await side.givenDebt(it);
  await until('the first message', async () => (await debt.now()).contacts.length === 1);
  return debt;
}

describe('a repayment from the wallet', () => {
  it('of all that is left goes to the issuer, settles the debt, ends the campaign, and is told', async () => {
    const debt = await reminded();
    const paid = await debt.pay({ repaymentId: 'first' });
    expect(paid).toMatchObject({
      status: 200,
      body: { status: 'COMPLETED', amount: 1_000, currency: 'JPY' },
    });
    expect(await debt.balance()).toEqual({ amount: 4_000, held: 0 });
    expect(await debt.statement()).toMatchObject({ paid: 1_000 });
    expect(await debt.now()).toMatchObject({ state: 'SETTLED', remainingAmount: 0, outcome: 'SETTLED' });
    const campaign = stack.temporal.workflow.getHandle(dunningWorkflowId(side.issuerId, debt.debtId));
    expect(await campaign.result()).toBe('SETTLED');
    expect(await closingsOf(debt)).toBe(1);
    const told = await stack.pool.query(
      `select kind, payload from user_event where user_id = $1 order by seq desc limit 1`,
      [debt.debtor.userId],
    );
    expect(told.rows[0]).toEqual({ kind: 'repayment.decided', payload: paid.body });
    expect((await debt.repayment('first')).body).toEqual(paid.body);
    await debt.handle('first').result();
    const { events } = await debt.handle('first').fetchHistory();
    expect(events?.length).toBeLessThanOrEqual(26);
  });

  it('of a part lowers what is left, and the campaign goes on', async () => {
    const debt = await reminded();
    expect((await debt.pay({ amount: 300 })).status).toBe(200);
    const now = await until('the campaign', async () => {
      const it = await debt.now();
      return it.state === 'CONTACTED' && it.nextContact !== undefined ? it : undefined;
    });
    expect(now).toMatchObject({ remainingAmount: 700 });
    expect((await debt.pay()).body).toMatchObject({ amount: 700, status: 'COMPLETED' });
    expect(await debt.now()).toMatchObject({ state: 'SETTLED' });
    expect(await closingsOf(debt)).toBe(1);
  });

  it('asked twice under one id is one; with another body it is refused; the id answers for good', async () => {
    const debt = await side.givenDebt();
    const first = await debt.pay({ repaymentId: 'one', amount: 400 });
    const again = await debt.pay({ repaymentId: 'one', amount: 400 });
    expect(again).toMatchObject({ status: 200, body: first.body });
    expect(again.headers.get('idempotency-hit')).toBe('true');
    expect((await debt.pay({ repaymentId: 'one', amount: 401 })).body.code).toBe('IDEMPOTENCY_MISMATCH');
    expect((await debt.pay({ repaymentId: 'one' })).body.code).toBe('IDEMPOTENCY_MISMATCH');
    expect(await debt.balance()).toEqual({ amount: 4_600, held: 0 });
    expect((await debt.statement()).paid).toBe(400);
    await debt.pay();
    expect((await debt.pay({ repaymentId: 'one', amount: 400 })).body).toEqual(first.body);
  });

  it('asked by twenty clients at once under one id is one', async () => {
    const debt = await side.givenDebt();
    const repaymentId = uniqueId('w');
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => debt.pay({ repaymentId, amount: 600 })),
    );
    expect(new Set(answers.map((it) => JSON.stringify([it.status, it.body]))).size).toBe(1);
    expect(answers[0]?.status).toBe(200);
    expect(await debt.balance()).toEqual({ amount: 4_400, held: 0 });
    expect((await debt.statement()).paid).toBe(600);
  });

  it('beside another, together above what is left: one wins, whoever asks', async () => {
    const debt = await side.givenDebt();
    const answers = await Promise.all(Array.from({ length: 6 }, () => debt.pay({ amount: 600 })));
    expect(answers.filter((it) => it.status === 200)).toHaveLength(1);
    expect(answers.filter((it) => it.body.code === 'REPAYMENT_EXCEEDS_REMAINING')).toHaveLength(5);
    expect((await debt.statement()).paid).toBe(600);
    expect(await debt.balance()).toEqual({ amount: 4_400, held: 0 });
  });

  it('never takes what payments at tills have taken at the same time', async () => {
    const merchant = await givenMerchant(stack);
    const debt = await side.givenDebt({ balance: 1_200 });
    const code = await debt.debtor.code();
    const [repaid, bought] = await Promise.all([debt.pay(), pay(merchant, { code, amount: 800 })]);
    const isRepaid = repaid.status === 200;
    expect(isRepaid).not.toBe(bought.body.status === 'COMPLETED');
    expect(await debt.balance()).toEqual({ amount: isRepaid ? 200 : 400, held: 0 });
  });
});

describe('a repayment that cannot be', () => {
  it('is refused with a named code, kept, and has moved nothing', async () => {
    const debt = await side.givenDebt({ balance: 700 });
    const above = await debt.pay({ repaymentId: 'above', amount: 1_001 });
    expect(above).toMatchObject({ status: 422, body: { code: 'REPAYMENT_EXCEEDS_REMAINING' } });
    const poor = await debt.pay({ repaymentId: 'poor', amount: 701 });
    expect(poor).toMatchObject({ status: 422, body: { code: 'INSUFFICIENT_FUNDS' } });
    const again = await debt.pay({ repaymentId: 'poor', amount: 701 });
    expect(again).toMatchObject({ status: 422, body: { code: 'INSUFFICIENT_FUNDS' } });
    expect(again.headers.get('idempotency-hit')).toBe('true');
    expect((await debt.repayment('poor')).body).toMatchObject({
      status: 'FAILED',
      failCode: 'INSUFFICIENT_FUNDS',
    });
    expect(await debt.balance()).toEqual({ amount: 700, held: 0 });
    expect((await debt.now()).state).not.toBe('REPAYING');
    expect((await debt.statement()).paid).toBe(0);
  });

  it('in a currency the user has not, of a debt of somebody else, or of none', async () => {
    const dollars = await side.givenDebt({ currency: 'USD' });
    expect((await dollars.pay()).body.code).toBe('CURRENCY_NOT_HELD');
    const other = await side.givenDebt();
    const stranger = await dollars.debtor.call('POST', `/v1/debts/${other.debtId}/pay`, {
      repaymentId: 'x',
    });
    expect(stranger).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    expect((await dollars.debtor.call('POST', '/v1/debts/none/pay', { repaymentId: 'x' })).status).toBe(404);
    expect((await other.repayment('x')).status).toBe(404);
    await other.pay({ repaymentId: 'mine' });
    const peek = await dollars.debtor.call('GET', `/v1/debts/${other.debtId}/repayments/mine`);
    expect(peek.status).toBe(404);
  });

  it.each([
    [{ amount: 0 }],
    [{ amount: -1 }],
    [{ amount: 1.5 }],
    [{ amount: '5' }],
    [{ currency: 'JPY' }],
    [{ repaymentId: 'a b' }],
  ])('malformed: %j', async (it) => {
    const debt = await side.givenDebt();
    const answer = await debt.pay(it as object);
    expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
    expect(await debt.balance()).toEqual({ amount: 5_000, held: 0 });
  });

  it('of a debt that is settled or withdrawn', async () => {
    const settled = await side.givenDebt();
    await settled.tell('bank', 1_000);
    expect(await settled.pay()).toMatchObject({ status: 409, body: { code: 'CONFLICT_STATE' } });
    const withdrawn = await side.givenDebt();
    await side.call('POST', `/v1/debts/${withdrawn.debtId}/withdraw`);
    expect(await withdrawn.pay()).toMatchObject({ status: 409, body: { code: 'CONFLICT_STATE' } });
    expect(await withdrawn.balance()).toEqual({ amount: 5_000, held: 0 });
  });

  it('under an id that the issuer has used', async () => {
    const debt = await side.givenDebt();
    await debt.tell('bank-1', 100);
    expect((await debt.pay({ repaymentId: 'bank-1', amount: 100 })).body.code).toBe('REPAYMENT_ID_TAKEN');
    expect(await debt.now()).toMatchObject({ remainingAmount: 900 });
  });
});

describe('while the issuer does not answer', () => {
  it('the money is held, the campaign pauses with the reason, and nobody spends it twice', async () => {
    const debt = await reminded({ balance: 1_500 });
    await side.issuer.setFaults(always('REPAYMENT', 'TIME_OUT_AFTER_COMMIT'), always('LOOK_UP', 'ERROR_500'));
    const asked = await debt.pay({ repaymentId: 'slow', amount: 900 });
    expect(asked).toMatchObject({ status: 202, body: { status: 'IN_PROGRESS', amount: 900 } });
    expect(asked.headers.get('location')).toBe(`/v1/debts/${debt.debtId}/repayments/slow`);
    expect((await debt.repayment('slow')).body).toEqual(asked.body);
    expect(await debt.balance()).toEqual({ amount: 1_500, held: 900 });
    const paused = await until('the pause', async () => {
      const it = await debt.now();
      return it.deferrals.some((one) => one.reason === 'REPAYMENT_UNDER_WAY') ? it : undefined;
    });
    expect(paused).toMatchObject({ state: 'REPAYING', remainingAmount: 1_000 });
    expect((await debt.pay({ amount: 101 })).body.code).toBe('REPAYMENT_EXCEEDS_REMAINING');
    await side.issuer.setFaults();
    await debt.handle('slow').result();
    expect(await debt.balance()).toEqual({ amount: 600, held: 0 });
    expect(await debt.pay({ repaymentId: 'slow', amount: 900 })).toMatchObject({
      status: 200,
      body: { status: 'COMPLETED' },
    });
    await until('the campaign', async () => (await debt.now()).state === 'CONTACTED');
    expect(await debt.now()).toMatchObject({ remainingAmount: 100 });
  });

  it('and it is settled otherwise meanwhile: what it has taken stays taken, one debt.closed', async () => {
    const debt = await reminded();
    await side.issuer.setFaults(always('REPAYMENT', 'TIME_OUT_AFTER_COMMIT'), always('LOOK_UP', 'ERROR_500'));
    expect((await debt.pay({ repaymentId: 'slow' })).status).toBe(202);
    expect((await debt.tell('bank', 1_000)).body).toMatchObject({ state: 'SETTLED' });
    await side.issuer.setFaults();
    await debt.handle('slow').result();
    expect((await debt.repayment('slow')).body.status).toBe('COMPLETED');
    expect(await debt.now()).toMatchObject({ state: 'SETTLED', remainingAmount: 0 });
    expect(await closingsOf(debt)).toBe(1);
  });

  it('and withdraws meanwhile: refused then, the money is back', async () => {
    const debt = await reminded();
    await side.issuer.setFaults(always('REPAYMENT', 'TIME_OUT_BEFORE'), always('LOOK_UP', 'ERROR_500'));
    expect((await debt.pay({ repaymentId: 'slow' })).status).toBe(202);
    await side.call('POST', `/v1/debts/${debt.debtId}/withdraw`);
    await side.issuer.setFaults({ operation: 'REPAYMENT', fault: 'DECLINE', times: 1 });
    await debt.handle('slow').result();
    expect((await debt.repayment('slow')).body).toMatchObject({ failCode: 'REPAYMENT_REFUSED_BY_ISSUER' });
    expect(await debt.balance()).toEqual({ amount: 5_000, held: 0 });
    expect(await debt.now()).toMatchObject({ state: 'WITHDRAWN', remainingAmount: 1_000 });
    expect(await closingsOf(debt)).toBe(1);
  });

  it('but tells of the same repayment by its own call: that is its answer, counted once', async () => {
    const debt = await reminded();
    await side.issuer.setFaults(always('REPAYMENT', 'TIME_OUT_AFTER_COMMIT'), always('LOOK_UP', 'ERROR_500'));
    expect((await debt.pay({ repaymentId: 'slow', amount: 800 })).status).toBe(202);
    expect((await debt.tell('slow', 799)).body.code).toBe('IDEMPOTENCY_MISMATCH');
    expect(await debt.tell('slow', 800)).toMatchObject({ status: 200, body: { remainingAmount: 200 } });
    expect((await debt.repayment('slow')).body.status).toBe('COMPLETED');
    expect(await debt.balance()).toEqual({ amount: 4_200, held: 0 });
    expect((await debt.tell('slow', 800)).headers.get('idempotency-hit')).toBe('true');
    await side.issuer.setFaults();
    await debt.handle('slow').result();
    expect(await debt.now()).toMatchObject({ remainingAmount: 200 });
    expect(await debt.balance()).toEqual({ amount: 4_200, held: 0 });
  });

  it('and tells of another one meanwhile: both count', async () => {
    const debt = await reminded();
    await side.issuer.setFaults(always('REPAYMENT', 'TIME_OUT_AFTER_COMMIT'), always('LOOK_UP', 'ERROR_500'));
    expect((await debt.pay({ repaymentId: 'slow', amount: 400 })).status).toBe(202);
    expect((await debt.tell('bank', 300)).body).toMatchObject({ remainingAmount: 700, state: 'REPAYING' });
    await side.issuer.setFaults();
    await debt.handle('slow').result();
    expect(await debt.now()).toMatchObject({ remainingAmount: 300 });
  });
});

describe('after it was accepted', () => {
  it('the issuer telling of it changes nothing', async () => {
    const debt = await side.givenDebt();
    await debt.pay({ repaymentId: 'both', amount: 250 });
    const told = await debt.tell('both', 250);
    expect(told).toMatchObject({ status: 200, body: { remainingAmount: 750 } });
    expect(told.headers.get('idempotency-hit')).toBe('true');
    expect((await debt.tell('both', 251)).body.code).toBe('IDEMPOTENCY_MISMATCH');
  });
});

describe('after it was refused', () => {
  it('the money is back, the campaign goes on, and the issuer telling of it all the same is a break', async () => {
    const debt = await reminded();
    await side.issuer.setFaults({ operation: 'REPAYMENT', fault: 'DECLINE', times: 1 });
    const refused = await debt.pay({ repaymentId: 'no' });
    expect(refused).toMatchObject({ status: 422, body: { code: 'REPAYMENT_REFUSED_BY_ISSUER' } });
    expect(await debt.balance()).toEqual({ amount: 5_000, held: 0 });
    await until('the campaign', async () => {
      const it = await debt.now();
      return it.state === 'CONTACTED' && it.nextContact !== undefined;
    });
    const events = await stack.pool.query<{ payload: unknown }>(
      `select payload from user_event where user_id = $1 and kind = 'repayment.decided'`,
      [debt.debtor.userId],
    );
    expect(events.rows).toMatchObject([{ payload: { status: 'FAILED', repaymentId: 'no' } }]);
    expect((await debt.tell('no', 1_000)).body).toMatchObject({ state: 'SETTLED' });
    const breaks = await stack.pool.query(
      'select class, issuer_id, merchant_id, ours_amount, currency from reconciliation_break where reference = $1',
      [repaymentOperationKey(side.issuerId, debt.debtId, 'no')],
    );
    expect(breaks.rows).toEqual([
      {
        class: 'unknown_outcome',
        issuer_id: side.issuerId,
        merchant_id: null,
        ours_amount: 1_000,
        currency: 'JPY',
      },
    ]);
  });
});

describe('a worker', () => {
  it.each(['repayment_begin', 'repayment_finish'])(
    'that loses the answer of %s after its commit asks again and moves the money once',
    async (statement) => {
      await worker.stop();
      const faulty = createFaultyPool(stack.pool);
      faulty.loseAnswers(statement, 1);
      const broken = await stack.startWorker({ pool: faulty.pool, issuerTimeoutMs: ISSUER_TIMEOUT_MS });
      const debt = await side.givenDebt();
      const repaymentId = uniqueId('w');
      await debt.pay({ repaymentId, amount: 500 });
      await debt.handle(repaymentId).result();
      expect(faulty.asked(statement)).toBeGreaterThan(1);
      expect(await debt.balance()).toEqual({ amount: 4_500, held: 0 });
      expect((await debt.statement()).paid).toBe(500);
      await broken.stop();
      worker = await stack.startWorker({ issuerTimeoutMs: ISSUER_TIMEOUT_MS });
    },
  );

  it('that is away: the device hears 202 or 503, never a failure, and the same request ends it', async () => {
    await worker.stop();
    const debt = await side.givenDebt();
    const asked = await debt.pay({ repaymentId: 'later' });
    expect([202, 503]).toContain(asked.status);
    expect(await debt.balance()).toEqual({ amount: 5_000, held: 0 });
    worker = await stack.startWorker({ issuerTimeoutMs: ISSUER_TIMEOUT_MS });
    expect((await debt.pay({ repaymentId: 'later' })).body.status).toBe('COMPLETED');
    expect((await debt.statement()).paid).toBe(1_000);
  });
});

describe('a repayment whose workflow was terminated while it was unknown', () => {
  it('is found at night once a person should have been asked, until that person is; it goes on when it is asked for again', async () => {
    const debt = await side.givenDebt();
    const asked = { repaymentId: 'orphan', amount: 600 };
    await side.issuer.setFaults(always('REPAYMENT', 'TIME_OUT_BEFORE'), always('LOOK_UP', 'ERROR_500'));
    expect((await debt.pay(asked)).status).toBe(202);
    await debt.handle('orphan').terminate('a test');
    const key = repaymentOperationKey(side.issuerId, debt.debtId, 'orphan');
    const breaks = async (): Promise<unknown[]> => {
      const { rows } = await stack.pool.query<Record<string, unknown>>(
        `select class, counterpart, issuer_id as "issuerId", ours_amount as amount, resolution
           from reconciliation_break where reference = $1 order by class`,
        [key],
      );
      return rows;
    };
    expect(await runNightly(stack)).toMatchObject({ opened: 0, resolved: 0 });
    await stack.pool.query(
      `update wallet_repayment set requested_at = requested_at - interval '7 days' where debt_id = $1`,
      [debt.debtId],
    );
    const found = {
      class: 'missing_theirs',
      counterpart: 'ISSUER',
      issuerId: side.issuerId,
      amount: 600,
      resolution: null,
    };
    expect(await runNightly(stack)).toMatchObject({ opened: 1, resolved: 0 });
    expect(await breaks()).toEqual([found]);
    expect(await runNightly(stack)).toMatchObject({ opened: 0, resolved: 0 });

    // A person who is asked meanwhile needs to be told once.
    const giveUp = {
      issuerId: side.issuerId,
      debtId: debt.debtId,
      repaymentId: 'orphan',
      detail: 'x',
      openedAt: new Date().toISOString(),
    };
    await stack.pool.query('select repayment_give_up($1::jsonb)', [JSON.stringify(giveUp)]);
    expect(await runNightly(stack)).toMatchObject({ opened: 0, resolved: 1 });

    await side.issuer.setFaults();
    expect((await debt.pay(asked)).body.status).toBe('COMPLETED');
    expect(await debt.balance()).toEqual({ amount: 4_400, held: 0 });
    expect((await debt.statement()).paid).toBe(600);
    expect(await runNightly(stack)).toMatchObject({ opened: 0, resolved: 0 });
    expect(await breaks()).toEqual([
      { ...found, resolution: 'a person is asked now' },
      { ...found, class: 'unknown_outcome', resolution: 'COMPLETED: the issuer has it' },
    ]);
  });
});

describe('a campaign that has ended before', () => {
  it('as EXHAUSTED can still be paid: the issuer gets its money, the end stays the end', async () => {
    const debt = await reminded();
    await stack.pool.query(
      `update debt set state = 'EXHAUSTED', closed_at = now(), next_at = null where debt_id = $1`,
      [debt.debtId],
    );
    expect((await debt.pay()).body.status).toBe('COMPLETED');
    expect(await debt.now()).toMatchObject({ state: 'EXHAUSTED', remainingAmount: 0 });
    expect((await debt.statement()).paid).toBe(1_000);
  });

  it('or that was lost is begun anew by a repayment', async () => {
    const debt = await reminded();
    const id = dunningWorkflowId(side.issuerId, debt.debtId);
    await stack.temporal.workflow.getHandle(id).terminate('a test');
    expect((await debt.pay({ amount: 10 })).body.status).toBe('COMPLETED');
    await until('the campaign', async () => {
      const { status } = await stack.temporal.workflow.getHandle(id).describe();
      return status.name === 'RUNNING';
    });
    expect((await debt.pay()).body.status).toBe('COMPLETED');
    expect(await stack.temporal.workflow.getHandle(id).result()).toBe('SETTLED');
  });
});
