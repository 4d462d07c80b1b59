import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { putDebt } from '../../db/debt.ts';
import { putIssuer } from '../../db/issuer.ts';
import { verifyLedger } from '../../db/ledger-verify.ts';
import { beginRepayment, finishRepayment } from '../../db/repayment.ts';
import { DUNNING_POLICY } from '../../domain/dunning/policy.ts';
import { forge } from '../support/books.ts';
import { uniqueId } from '../support/givens.ts';
import { createTestLedger, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
const issuerId = 'lender';
const at = '2026-11-22T04:00:00.000Z';

beforeAll(async () => {
  ledger = await createTestLedger();
  await putIssuer(ledger.pool, {
    issuerId,
    name: 'x',
    baseUrl: 'http://127.0.0.1:9',
    timeZone: 'Asia/Tokyo',
  });
  await ledger.pool.query(
    `insert into webhook_secret (secret_id, owner_kind, owner_id, sealed) values ('s', 'ISSUER', 'lender', '')`,
  );
});
afterAll(() => ledger.drop());

/** A debt of 1,000 of a user with 2,000, of which 400 are on their way. */
async function begun(): Promise<{ debtId: string; repaymentId: string }> {
  const account = await ledger.givenAccount(2_000);
  const userId = account.split(':')[1] ?? '';
  const debtId = uniqueId('d');
  const debt = { issuerId, debtId, userId, amount: 1_000, currency: 'JPY', dueOn: '2026-05-01', revision: 1 };
  await putDebt(ledger.pool, { ...debt, requestHash: 'h', policy: DUNNING_POLICY, at: new Date() });
  const order = { issuerId, debtId, repaymentId: 'w', userId, amount: 400, requestHash: 'h', attemptId: 'a' };
  const { view } = await beginRepayment(ledger.pool, { ...order, requestedAt: at, decidedAt: at });
  expect(view.status).toBe('IN_PROGRESS');
  return { debtId, repaymentId: 'w' };
}

const finish = (it: { debtId: string; repaymentId: string }, failCode?: 'REPAYMENT_REFUSED_BY_ISSUER') =>
  finishRepayment(ledger.pool, {
    issuerId,
    ...it,
    ...(failCode === undefined ? {} : { failCode }),
    resolver: 'issuer',
    resolution: 'x',
    decidedAt: at,
  });

describe('ledger:verify of repayments', () => {
  it('finds them sound: under way, completed and refused, and each end stays what it was first', async () => {
    await begun();
    const completed = await begun();
    expect((await finish(completed)).view.status).toBe('COMPLETED');
    const refused = await begun();
    expect((await finish(refused, 'REPAYMENT_REFUSED_BY_ISSUER')).view.status).toBe('FAILED');
    expect((await finish(refused)).view.status).toBe('FAILED');
    expect((await finish(completed, 'REPAYMENT_REFUSED_BY_ISSUER')).view.status).toBe('COMPLETED');
    const contradicted = await ledger.pool.query(
      `select 1 from reconciliation_break where reference like '%' || $1 || '%'`,
      [completed.debtId],
    );
    expect(contradicted.rowCount).toBe(1);
    expect((await verifyLedger(ledger.pool)).breaks).toEqual([]);
  });

  it.each([
    [
      'a hold that was given free',
      `update hold set status = 'VOIDED', closed_at = now() where hold_id = $hold`,
      'the money of a repayment is held exactly while its issuer has not decided',
    ],
    [
      'an end that moved nothing',
      `update wallet_repayment set status = 'FAILED', fail_code = 'REPAYMENT_GIVEN_UP', decided_at = now() where hold_id = $hold`,
      'the money of a repayment is held exactly while its issuer has not decided',
    ],
  ])('finds %s', async (_title, statement, check) => {
    const { debtId } = await begun();
    await forge(ledger.pool, statement.replace('$hold', `'repayment:lender:${debtId}:w'`));
    const { breaks } = await verifyLedger(ledger.pool);
    expect(breaks.filter((it) => it.subject.includes(debtId)).map((it) => it.check)).toContain(check);
  });

  it.each([
    [
      'a completed one with another amount',
      `update wallet_repayment set amount = 399 where hold_id = $hold`,
      'each completed repayment has moved its amount from its user to its issuer, and no other repayment has moved anything',
    ],
    [
      'one that is not booked',
      `delete from repayment where debt_id = $debt`,
      'each completed repayment is booked with its debt, and counts once',
    ],
    [
      'a transfer of no repayment',
      `delete from wallet_repayment where hold_id = $hold`,
      'each repayment transfer belongs to one repayment',
    ],
  ])('finds %s', async (_title, statement, check) => {
    const it = await begun();
    await finish(it);
    const sql = statement
      .replace('$hold', `'repayment:lender:${it.debtId}:w'`)
      .replace('$debt', `'${it.debtId}'`);
    await forge(ledger.pool, sql);
    const { breaks } = await verifyLedger(ledger.pool);
    expect(breaks.filter((one) => one.subject.includes(it.debtId)).map((one) => one.check)).toContain(check);
  });
});
