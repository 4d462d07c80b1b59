import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  advanceDebt,
  findDebt,
  listMessages,
  lockDebtFacts,
  putDebt,
  repayDebt,
  sayOfDebt,
} from '../../db/debt.ts';
import { newId } from '../../db/id.ts';
import { putIssuer } from '../../db/issuer.ts';
import { withTransaction } from '../../db/tx.ts';
import { createUser } from '../../db/user.ts';
import { DUNNING_POLICY } from '../../domain/dunning/policy.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { uniqueId } from '../support/givens.ts';
import { until } from '../support/until.ts';

let database: TestDatabase;
const issuerId = 'lender';
const userId = 'debtor';

beforeAll(async () => {
  database = await createTestDatabase();
  const baseUrl = 'http://127.0.0.1:1';
  await putIssuer(database.pool, { issuerId, name: 'x', baseUrl, timeZone: 'Asia/Tokyo' });
  const user = { userId, displayName: 'U', locale: 'ja', timeZone: 'Asia/Tokyo', requestHash: '' };
  await createUser(database.pool, user);
});
afterAll(() => database.drop());

async function registered(): Promise<string> {
  const debtId = uniqueId('d');
  await putDebt(database.pool, {
    issuerId,
    debtId,
    userId,
    amount: 1_000,
    currency: 'JPY',
    dueOn: '2026-05-01',
    revision: 1,
    requestHash: 'h',
    policy: DUNNING_POLICY,
    at: new Date(),
  });
  return debtId;
}

const settle = (debtId: string) =>
  repayDebt(database.pool, {
    issuerId,
    debtId,
    repaymentId: 'r',
    amount: 1_000,
    paidAt: '2026-06-01T00:00:00Z',
    requestHash: 'h',
    at: new Date(),
  });

function message(debtId: string) {
  const messageId = newId('msg');
  return {
    issuerId,
    debtId,
    at: new Date().toISOString(),
    isExhausted: false,
    message: {
      messageId,
      stage: 0,
      title: 't',
      body: 'b',
      link: `/wallet/repay/${debtId}?message=${messageId}`,
      pushBody: 'p',
      pushTopic: 'topic',
      pushUntil: '2026-06-09T00:00:00Z',
    },
    state: 'CONTACTED',
    nextAt: '2026-06-09T00:00:00Z',
    nextReason: 'AFTER_UNOPENED',
    deferrals: [],
  } as const;
}

async function closings(debtId: string): Promise<number | null> {
  const found = await database.pool.query(
    `select 1 from webhook_event where owner_kind = 'ISSUER' and body::json ->> 'debtId' = $1`,
    [debtId],
  );
  return found.rowCount;
}

async function isWaitingForLock(): Promise<boolean> {
  const found = await database.pool.query(
    `select 1 from pg_stat_activity where datname = current_database() and wait_event = 'advisory'`,
  );
  return found.rowCount === 1;
}

describe('a repayment that arrives between check and send', () => {
  it('waits for the message, which then leads to "already paid"', async () => {
    const debtId = await registered();
    const settling = await withTransaction(database.pool, async (tx) => {
      expect(await lockDebtFacts(tx, { issuerId, debtId })).toMatchObject({
        isClosed: false,
        remaining: 1_000,
      });
      const repayment = settle(debtId);
      await until('the repayment to wait', isWaitingForLock);
      await advanceDebt(tx, message(debtId));
      return { repayment };
    });
    expect((await settling.repayment).view).toMatchObject({ state: 'SETTLED', contacts: [{}] });
    const { items } = await listMessages(database.pool, userId, 1, undefined);
    expect(items).toMatchObject([{ debtId, debtState: 'SETTLED' }]);
    expect(await closings(debtId)).toBe(1);
  });

  it('or comes before the check, which then sends nothing', async () => {
    const debtId = await registered();
    await settle(debtId);
    const facts = await withTransaction(database.pool, (tx) => lockDebtFacts(tx, { issuerId, debtId }));
    expect(facts).toMatchObject({ isClosed: true, sentMs: [] });
    expect(facts?.webhookEventId).not.toBeNull();
  });
});

describe('ends that race', () => {
  it('settle, withdraw and exhaustion at once leave one end, told once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const debtId = await registered();
      const exhaust = withTransaction(database.pool, async (tx) => {
        const facts = await lockDebtFacts(tx, { issuerId, debtId });
        if (facts?.isClosed === false)
          await advanceDebt(tx, { issuerId, debtId, at: new Date().toISOString(), isExhausted: true });
      });
      const withdraw = sayOfDebt(database.pool, {
        issuerId,
        debtId,
        kind: 'WITHDRAW',
        actor: 'issuer',
        at: new Date(),
      });
      await Promise.all([settle(debtId), exhaust, withdraw]);
      expect((await findDebt(database.pool, { issuerId, debtId }))?.closedAt).toBeDefined();
      expect(await closings(debtId)).toBe(1);
    }
  });
});

describe('what tells history', () => {
  it('is never changed or deleted', async () => {
    const debtId = await registered();
    await settle(debtId);
    for (const statement of [
      `update repayment set amount = 1 where debt_id = '${debtId}'`,
      `delete from repayment where debt_id = '${debtId}'`,
      `update debt_log set actor = 'x' where debt_id = '${debtId}'`,
      `delete from debt_log where debt_id = '${debtId}'`,
    ])
      await expect(database.pool.query(statement)).rejects.toThrow('APPEND_ONLY');
  });
});
