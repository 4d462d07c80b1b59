import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { debtChanged, dunningWorkflowId } from '../../workflows/dunning/contract.ts';
import { debtBody, debtOf, givenCreditor, givenDebtor, inboxOf } from '../support/debts.ts';
import { uniqueId } from '../support/givens.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { startWebhookReceiver } from '../support/webhook-receiver.ts';

const HOUR_MS = 3_600_000;
let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ workers: 0 });
});
afterAll(() => stack.stop());

describe('worker down for three days over two due times', () => {
  it('one message, not two, not none', async () => {
    const issuer = await givenCreditor(stack);
    const debtor = await givenDebtor(stack);
    const debtId = uniqueId('d');
    await issuer.call('PUT', `/v1/debts/${debtId}`, debtBody({ userId: debtor.userId }));
    // As it was left five days ago: due 72 h after its only message, and again 36 h later.
    const sentAt = new Date(Date.now() - 116 * HOUR_MS);
    await stack.pool.query(
      `insert into debt_message (message_id, issuer_id, debt_id, contact_no, user_id, stage, channel, title, body, link, sent_at)
       values ('msg_0', $1, $2, 1, $3, 0, 'INBOX', 't', 'b', 'l', $4)`,
      [issuer.issuerId, debtId, debtor.userId, sentAt],
    );
    const worker = await stack.startWorker();
    await until('the next plan', async () => (await debtOf(issuer, debtId)).nextContact !== undefined);
    const { contacts, nextContact } = await debtOf(issuer, debtId);
    expect(contacts).toHaveLength(2);
    const pauseMs = Date.parse(nextContact?.at ?? '') - Date.parse(contacts[1]?.sentAt ?? '');
    expect(pauseMs).toBeGreaterThanOrEqual(36 * HOUR_MS);
    expect(await inboxOf(debtor)).toHaveLength(2);
    await worker.stop();
  });
});

describe('a campaign whose workflow was terminated, or never began', () => {
  it('is found in Postgres and goes on; the event of an end that nobody delivers is delivered', async () => {
    const receiver = await startWebhookReceiver();
    const issuer = await givenCreditor(stack, receiver.url);
    const debtor = await givenDebtor(stack);
    const [open, ended] = [uniqueId('d'), uniqueId('d')];
    for (const debtId of [open, ended]) {
      await issuer.call('PUT', `/v1/debts/${debtId}`, debtBody({ userId: debtor.userId }));
      if (debtId === ended) await issuer.call('POST', `/v1/debts/${debtId}/withdraw`);
      await stack.temporal.workflow.getHandle(dunningWorkflowId(issuer.issuerId, debtId)).terminate();
    }
    const past = `now() - interval '1 hour'`;
    await stack.pool.query(`update debt set registered_at = ${past} where debt_id = $1`, [open]);
    await stack.pool.query(`update webhook_event set created_at = ${past} where owner_id = $1`, [
      issuer.issuerId,
    ]);
    const worker = await stack.startWorker();
    await until('the message', async () => (await debtOf(issuer, open)).contacts.length === 1);
    await until('debt.closed', () => receiver.received.length === 1);
    await worker.stop();
    receiver.close();
  });
});

describe('rules that are applied while older ones still are', () => {
  it('are those of every campaign in the end', async () => {
    const issuer = await givenCreditor(stack);
    const debtor = await givenDebtor(stack);
    const debtIds = Array.from({ length: 5 }, () => uniqueId('d'));
    const body = debtBody({ userId: debtor.userId, dueOn: '2099-01-01' });
    for (const debtId of debtIds) await issuer.call('PUT', `/v1/debts/${debtId}`, body);
    const workflowIds: string[] = [];
    for (const maxMessages of [3, 4]) {
      await issuer.call('PUT', '/v1/dunning/policy', { maxMessages });
      const { body: applied } = await issuer.call<{ workflowId: string }>(
        'POST',
        '/v1/dunning/policy/apply',
        {},
      );
      workflowIds.push(applied.workflowId);
    }
    expect(new Set(workflowIds).size).toBe(1);
    const worker = await stack.startWorker();
    const handle = stack.temporal.workflow.getHandle(workflowIds[0] ?? '');
    await handle.result();
    for (const debtId of debtIds)
      await until('the newest', async () => (await debtOf(issuer, debtId)).policyVersion === 'v2');
    await worker.stop();
    const log = await stack.pool.query(`select 1 from debt_log where kind = 'POLICY' and debt_id = any($1)`, [
      debtIds,
    ]);
    expect(log.rowCount).toBe(5);
  });
});

describe('a signal that comes ten times at once', () => {
  it('sends nothing twice', async () => {
    const issuer = await givenCreditor(stack);
    const debtor = await givenDebtor(stack);
    const debtId = uniqueId('d');
    const body = debtBody({ userId: debtor.userId });
    const worker = await stack.startWorker();
    await Promise.all(Array.from({ length: 10 }, () => issuer.call('PUT', `/v1/debts/${debtId}`, body)));
    await until('the message', async () => (await debtOf(issuer, debtId)).nextContact !== undefined);
    const handle = stack.temporal.workflow.getHandle(dunningWorkflowId(issuer.issuerId, debtId));
    await Promise.all(Array.from({ length: 10 }, () => handle.signal(debtChanged)));
    await issuer.call('POST', `/v1/debts/${debtId}/withdraw`);
    expect(await handle.result()).toBe('WITHDRAWN');
    expect(await inboxOf(debtor)).toHaveLength(1);
    await worker.stop();
  });
});
