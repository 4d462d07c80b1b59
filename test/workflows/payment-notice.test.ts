import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listUserEvents } from '../../db/user-event.ts';
import type { DebtView } from '../../domain/dunning/debt.ts';
import { dunningWorkflowId } from '../../workflows/dunning/contract.ts';
import {
  debtBody,
  debtOf,
  eventsWhenWaiting,
  givenCreditor,
  inboxOf,
  zoneAtNoon,
  type GivenCreditor,
} from '../support/debts.ts';
import {
  givenMerchant,
  givenPayer,
  pay,
  uniqueId,
  type GivenMerchant,
  type GivenPayer,
} from '../support/givens.ts';
import { givenOfflinePhone, stepNow } from '../support/offline.ts';
import { givenBrowser } from '../support/push.ts';
import { startPushService, type PushService } from '../support/push-service.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

let service: PushService;
let stack: Stack;
let receiver: WebhookReceiver;
let merchant: GivenMerchant;
let issuer: GivenCreditor;
let payer: GivenPayer;

beforeAll(async () => {
  service = await startPushService();
  stack = await startStack({ pushHosts: [service.host] });
  receiver = await startWebhookReceiver();
  merchant = await givenMerchant(stack, { webhookUrl: receiver.url });
});
afterAll(async () => {
  await stack.stop();
  service.close();
  receiver.close();
});
beforeEach(async () => {
  issuer = await givenCreditor(stack);
  payer = await givenPayer(stack, { balance: 10_000, timeZone: zoneAtNoon(Date.now()), locale: 'en' });
});

async function inDebt(it: { dueOn?: string } = {}): Promise<string> {
  const debtId = uniqueId('d');
  await issuer.call<DebtView>('PUT', `/v1/debts/${debtId}`, debtBody({ userId: payer.userId, ...it }));
  await until('the plan', async () => (await debtOf(issuer, debtId)).nextContact !== undefined);
  return debtId;
}

/** What the wallet hears of its newest payment: by the stream, and in its history. */
async function noticeAfterPaying(): Promise<unknown> {
  const paid = await pay(merchant, { code: await payer.code() });
  expect(paid.body.status).toBe('COMPLETED');
  // The till hears nothing of it.
  expect(JSON.stringify(paid.body)).not.toContain('debt');
  const events = await listUserEvents(stack.pool, payer.userId, 0, 100);
  const told = events.filter((it) => it.kind === 'payment.completed').at(-1)?.payload as {
    debtNotice?: unknown;
  };
  const history = await payer.call<{ items: { debtNotice?: unknown }[] }>('GET', '/v1/me/payments');
  expect(history.body.items[0]?.debtNotice).toEqual(told.debtNotice);
  return told.debtNotice;
}

describe('after each completed payment', () => {
  it('of a user with a bill that is due the wallet is told of it, and neither till nor merchant', async () => {
    const debtId = await inDebt();
    const { dueOn } = await debtOf(issuer, debtId);
    const notice = { debtId, amount: 12_300, currency: 'JPY', dueOn, link: `/wallet/repay/${debtId}` };
    expect(await noticeAfterPaying()).toEqual(notice);
    await until('the merchant’s event', () => receiver.received.length > 0);
    for (const { body } of receiver.received) expect(body).not.toContain('debt');
  });

  it('the wallet is told nothing without one: none due yet, held, promised, settled, or unwanted by the issuer', async () => {
    expect(await noticeAfterPaying()).toBeUndefined();
    await inDebt({ dueOn: '2099-01-01' });
    const debtId = await inDebt();
    const until_ = new Date(Date.now() + 86_400_000).toISOString();
    await issuer.call('PUT', `/v1/debts/${debtId}/hold`, { reason: 'complaint', until: until_ });
    expect(await noticeAfter(2)).toBeUndefined();
    await issuer.call('DELETE', `/v1/debts/${debtId}/hold`);
    expect(await noticeAfter(3)).toMatchObject({ debtId });
    await issuer.call('PUT', `/v1/debts/${debtId}/promise`, { payOn: until_.slice(0, 10) });
    await until('the promise', async () => (await debtOf(issuer, debtId)).state === 'PROMISED');
    expect(await noticeAfter(4)).toBeUndefined();
    await issuer.call('POST', `/v1/debts/${debtId}/withdraw`);
    expect(await noticeAfter(5)).toBeUndefined();
    await issuer.call('PUT', '/v1/dunning/policy', { noticeAfterPayment: false });
    await inDebt();
    expect(await noticeAfter(6)).toBeUndefined();
  });

  /** Pays another amount each time: equal payments look similar. */
  async function noticeAfter(amount: number): Promise<unknown> {
    await pay(merchant, { code: await payer.code(), amount });
    const events = await listUserEvents(stack.pool, payer.userId, 0, 100);
    const last = events.filter((it) => it.kind === 'payment.completed').at(-1);
    expect(last?.payload).toMatchObject({ amount });
    return (last?.payload as { debtNotice?: unknown }).debtNotice;
  }
});

describe('the campaign of that bill', () => {
  const handleOf = (debtId: string) =>
    stack.temporal.workflow.getHandle(dunningWorkflowId(issuer.issuerId, debtId));
  const eventsOf = async (debtId: string) => (await handleOf(debtId).fetchHistory()).events ?? [];

  it('hears of a payment that its next reminder would follow too soon, and moves it, never further than once', async () => {
    // It is noon: in the evening there would be the night as well.
    const hours = { baseIntervalHours: 6, minIntervalHours: 6, openedIntervalHours: 6 };
    await issuer.call('PUT', '/v1/dunning/policy', hours);
    const debtId = await inDebt();
    const before = await debtOf(issuer, debtId);
    const dueMs = Date.parse(before.contacts[0]?.sentAt ?? '') + 6 * 3_600_000;
    for (const amount of [11, 12, 13]) await pay(merchant, { code: await payer.code(), amount });
    const lastAt = await until('the notices', async () => {
      const { paymentNotices } = await debtOf(issuer, debtId);
      return paymentNotices?.count === 3 ? paymentNotices.lastAt : undefined;
    });
    const until_ = new Date(Date.parse(lastAt) + 6 * 3_600_000).toISOString();
    expect(Date.parse(until_)).toBeGreaterThan(dueMs);
    await until('the move', async () =>
      (await debtOf(issuer, debtId)).deferrals.some((it) => it.until === until_),
    );
    const after = await debtOf(issuer, debtId);
    expect(after.deferrals.find((it) => it.until === until_)?.reason).toBe('PAYMENT_NOTICE');
    expect(Date.parse(after.nextContact?.at ?? '')).toBeGreaterThanOrEqual(Date.parse(until_));
    expect(after.contacts).toHaveLength(1);
    expect(JSON.stringify(await eventsOf(debtId))).toContain('"signalName":"paymentCompleted"');
    // Merchant and payment are nothing that the issuer or the campaign's history hears of.
    expect(JSON.stringify([after, await eventsOf(debtId)])).not.toContain(merchant.merchantId);
  });

  it('is not woken by one that changes nothing for it: it is kept with the debt', async () => {
    const debtId = await inDebt();
    const before = await eventsWhenWaiting(handleOf(debtId));
    await pay(merchant, { code: await payer.code(), amount: 14 });
    expect((await debtOf(issuer, debtId)).paymentNotices).toMatchObject({ count: 1 });
    const due = await stack.pool.query('select 1 from debt_notice where is_due and debt_id = $1', [debtId]);
    expect(due.rowCount).toBe(0);
    expect((await eventsOf(debtId)).length).toBe(before);
  });
});

describe('after an offline payment', () => {
  it('the receipt comes by push, once, with the notice of a bill and without amounts on the lock screen', async () => {
    const browser = await givenBrowser(service, payer);
    const debtId = await inDebt();
    await until('the reminder', () => browser.received.length === 1);
    const phone = await givenOfflinePhone(payer);
    const paid = await pay(merchant, { code: await phone.code(stepNow()) });
    expect(paid.body).toMatchObject({ status: 'COMPLETED', codeMode: 'OFFLINE' });
    await until('the receipt', () => browser.received.length === 2);
    const receipt = browser.received[1]?.payload;
    expect(receipt).toMatchObject({
      kind: 'PAYMENT',
      title: 'Payment completed',
      body: 'At Test Mart. You have an unpaid bill. Open the app to see it.',
      link: `/wallet/payments/${paid.body.paymentId}?message=${receipt?.messageId ?? ''}`,
    });
    expect(browser.notifications()).toHaveLength(2);
    const inbox = await inboxOf(payer);
    expect(inbox).toMatchObject([{ kind: 'PAYMENT', paymentId: paid.body.paymentId }, { debtId }]);
    const opened = await payer.call('POST', `/v1/messages/${receipt?.messageId ?? ''}/events`, {
      eventId: 'e',
      type: 'OPENED',
      at: new Date().toISOString(),
    });
    expect(opened).toMatchObject({ status: 200, body: { kind: 'PAYMENT' } });
    // Nothing of it is in the payment's own history: it waits for the journal after as many events as any other.
    const handle = stack.temporal.workflow.getHandle(
      `payment:${merchant.merchantId}:${paid.body.merchantPaymentId}`,
    );
    const history = JSON.stringify(await handle.fetchHistory());
    expect(history).not.toContain(receipt?.messageId);
  });

  it('of a phone that takes no push there is none: the stream tells of it when it is back', async () => {
    const phone = await givenOfflinePhone(payer);
    await pay(merchant, { code: await phone.code(stepNow()) });
    const due = await stack.pool.query('select 1 from payment_receipt_due');
    expect(due.rowCount).toBe(0);
    expect(await inboxOf(payer)).toEqual([]);
  });
});
