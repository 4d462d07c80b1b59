import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repaymentOperationKey } from '../../domain/credit/credit.ts';
import type { IssuerFault } from '../../partners/issuer/schemas.ts';
import { createTestDatabase } from '../support/database.ts';
import { uniqueId } from '../support/givens.ts';
import { connectRepay } from '../support/repayments.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** How long we wait for the issuer here, and how much later a SLOW one answers. */
const PATIENCE_MS = 500;
const SLOW_MS = 1_500;

/** The table of docs/repayment.md. */
const rows = (await readFile('docs/repayment.md', 'utf8'))
  .split('\n')
  .filter((line) => line.startsWith('| REPAYMENT '))
  .map((line) => {
    const cells = line.split('|').map((cell) => cell.trim());
    const [, , issuer = '', status = '', booked = '', balance = '', left = ''] = cells;
    return { issuer, status, booked: Number(booked), balance: Number(balance), left: Number(left) };
  });

/** `TIME_OUT_AFTER_COMMIT, LOOK_UP ERROR_500 twice` as switches. */
function switchesOf(issuer: string): IssuerFault[] {
  if (issuer === 'answers') return [];
  return issuer.split(', ').map((words, i) => {
    const [operation, fault, times] = i === 0 ? ['REPAYMENT', ...words.split(' ')] : words.split(' ');
    return {
      operation: operation as IssuerFault['operation'],
      fault: fault as IssuerFault['fault'],
      times: times === 'twice' ? 2 : 1,
      ...(fault === 'SLOW' ? { delayMs: SLOW_MS } : {}),
    };
  });
}

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ workers: 0, tillDeadlineMs: 30_000 });
  await stack.startWorker({ issuerTimeoutMs: PATIENCE_MS });
});
afterAll(() => stopWithSoundLedger(stack));

describe('a repayment while the issuer fails', () => {
  it('has a table of eleven faults', () => {
    expect(rows).toHaveLength(11);
  });

  it.concurrent.for(rows)('$issuer: $status', { timeout: 60_000 }, async (row, { onTestFinished }) => {
    // An issuer with books of its own: its switches are for all who ask it.
    const database = await createTestDatabase();
    const side = await connectRepay({ ...stack, databaseUrl: database.url });
    onTestFinished(async () => {
      await side.issuer.close();
      await database.drop();
    });
    const debt = await side.givenDebt();
    const repaymentId = uniqueId('w');
    await side.issuer.setFaults(...switchesOf(row.issuer));
    await debt.pay({ repaymentId, amount: 600 });
    expect(await debt.handle(repaymentId).result()).toMatchObject({ status: row.status });
    const key = repaymentOperationKey(side.issuerId, debt.debtId, repaymentId);
    if (row.issuer === 'SLOW') await until('the late call', () => side.issuer.stored(key));
    expect((await debt.repayment(repaymentId)).body.status).toBe(row.status);
    expect((await debt.statement()).paid).toBe(row.booked);
    expect(await debt.balance()).toEqual({ amount: row.balance, held: 0 });
    expect((await debt.now()).remainingAmount).toBe(row.left);
    await side.expectBooksAgree();
  });
});
