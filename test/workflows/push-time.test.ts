import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assertDefined } from '../../domain/assert.ts';
import type { DebtView } from '../../domain/dunning/debt.ts';
import { dunningWorkflowId } from '../../workflows/dunning/contract.ts';
import { pushWorkflowId } from '../../workflows/push/contract.ts';
import {
  debtBody,
  debtOf,
  givenCreditor,
  givenDebtor,
  inboxOf,
  type GivenCreditor,
} from '../support/debts.ts';
import { uniqueId, type GivenPayer } from '../support/givens.ts';
import { givenBrowser, pushAttemptsOf, pushStatusOf } from '../support/push.ts';
import { startPushService, type FakeBrowser, type PushService } from '../support/push-service.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { createTimeSkippingServer } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const HOUR_MS = 3_600_000;

/** A server a test, as in time.test.ts. It is noon for the user when a test begins. */
let environment: TestWorkflowEnvironment;
let service: PushService;
let stack: Stack;
let issuer: GivenCreditor;
let debtor: GivenPayer;
let browser: FakeBrowser;
let startMs: number;

beforeEach(async () => {
  environment = await createTimeSkippingServer();
  service = await startPushService();
  stack = await startStack({ environment, pushHosts: [service.host] });
  issuer = await givenCreditor(stack);
  startMs = await environment.currentTimeMs();
  debtor = await givenDebtor(stack, startMs);
  browser = await givenBrowser(service, debtor);
});
afterEach(async () => {
  await stack.stop();
  service.close();
  await environment.teardown();
});

async function registered(): Promise<string> {
  const debtId = uniqueId('d');
  await issuer.call<DebtView>('PUT', `/v1/debts/${debtId}`, debtBody({ userId: debtor.userId }, startMs));
  return debtId;
}

/** The id of the first message, once so many tries of its push were kept. */
async function tried(debtId: string, tries: number): Promise<string> {
  return until(`${tries} tries`, async () => {
    const messageId = (await debtOf(issuer, debtId)).contacts[0]?.messageId ?? '';
    return (await pushAttemptsOf(stack, messageId)).length >= tries ? messageId : undefined;
  });
}

describe('429 with Retry-After', () => {
  it('is respected: not asked again before, and then accepted', async () => {
    browser.answerOnce({ status: 429, headers: { 'retry-after': '7200' } });
    const messageId = await tried(await registered(), 1);
    await environment.sleep('110 minutes');
    expect(browser.requests).toHaveLength(1);
    await environment.sleep('15 minutes');
    await until('the second try', async () => (await pushStatusOf(stack, messageId)) === 'ACCEPTED');
    const attempts = await pushAttemptsOf(stack, messageId);
    expect(attempts.map((it) => it.statusCode)).toEqual([429, 201]);
    expect(browser.received).toHaveLength(1);
  });

  it('beyond the TTL ends the push: the message stays in the inbox', async () => {
    browser.answerWith({ status: 429, headers: { 'retry-after': String(80 * 3_600) } });
    const messageId = await tried(await registered(), 1);
    await until('the end', async () => (await pushStatusOf(stack, messageId)) === 'FAILED');
    expect(await pushAttemptsOf(stack, messageId)).toMatchObject([{ outcome: 'EXPIRED' }]);
    expect(await inboxOf(debtor)).toHaveLength(1);
  });
});

describe('a push service that is down', () => {
  it('is asked again with growing pauses until the message’s time is over', async () => {
    browser.answerWith({ status: 503 });
    const messageId = await tried(await registered(), 1);
    const handle = stack.temporal.workflow.getHandle(pushWorkflowId(messageId));
    // The next reminder takes its place, or its time is over: whichever comes first.
    expect(await handle.result()).toMatch(/^(FAILED|SUPERSEDED)$/);
    const { startTime, closeTime } = await handle.describe();
    const hours = ((closeTime?.getTime() ?? 0) - startTime.getTime()) / HOUR_MS;
    expect(hours).toBeGreaterThan(68);
    expect(hours).toBeLessThan(73);
    // 10, 20, 40 … s in the first hour, then one an hour.
    const tries = (await pushAttemptsOf(stack, messageId)).length;
    expect(tries).toBeGreaterThan(65);
    expect(tries).toBeLessThan(95);
  });

  it('that has taken the message before its answer is lost gets it again: the phone shows it once', async () => {
    browser.answerOnce({ status: 500, takes: true });
    const messageId = await tried(await registered(), 1);
    await environment.sleep('1 minute');
    await until('the second try', async () => (await pushStatusOf(stack, messageId)) === 'ACCEPTED');
    expect(browser.received.map((it) => it.payload.messageId)).toEqual([messageId, messageId]);
    expect(browser.notifications()).toHaveLength(1);
    expect(browser.undelivered()).toHaveLength(1);
  });

  it('while the debt is repaid gets no message after the settlement', async () => {
    browser.answerOnce({ status: 503 }, { status: 503 });
    const debtId = await registered();
    const messageId = await tried(debtId, 1);
    const repayment = { repaymentId: 'r', amount: 12_300, paidAt: new Date().toISOString() };
    await issuer.call('POST', `/v1/debts/${debtId}/repayments`, repayment);
    await environment.sleep('2 hours');
    await until('the end', async () => (await pushStatusOf(stack, messageId)) === 'SUPERSEDED');
    expect(browser.received).toEqual([]);
    // The inbox leads to "already paid".
    expect(await inboxOf(debtor)).toMatchObject([{ messageId, debtState: 'SETTLED' }]);
  });
});

describe('repayment arriving between check and send', () => {
  it('no message after settlement, or it leads to "already paid"', async () => {
    let answer = (): void => undefined;
    browser.answerOnce({ status: 201, takes: true, after: new Promise<void>((done) => (answer = done)) });
    const debtId = await registered();
    await until('a push on its way', () => browser.received.length === 1);
    const repayment = { repaymentId: 'r', amount: 12_300, paidAt: new Date().toISOString() };
    await issuer.call('POST', `/v1/debts/${debtId}/repayments`, repayment);
    answer();
    expect(await stack.temporal.workflow.getHandle(dunningWorkflowId(issuer.issuerId, debtId)).result()).toBe(
      'SETTLED',
    );
    await environment.sleep('20 days');
    expect(browser.requests).toHaveLength(1);
    const { link, messageId } = assertDefined(browser.notifications()[0]);
    expect(link).toBe(`/wallet/repay/${debtId}?message=${messageId}`);
    // What the page behind the link asks.
    expect((await debtor.call<DebtView>('GET', `/v1/debts/${debtId}`)).body).toMatchObject({
      state: 'SETTLED',
      remainingAmount: 0,
    });
    const at = new Date().toISOString();
    const opened = await debtor.call('POST', `/v1/messages/${messageId}/events`, {
      eventId: 'e',
      type: 'OPENED',
      at,
    });
    expect(opened).toMatchObject({ status: 200, body: { messageId, debtState: 'SETTLED' } });
    expect((await debtOf(issuer, debtId)).contacts).toMatchObject([{ signal: 'OPENED' }]);
  });
});

describe('a phone that is off for a week', () => {
  it('gets one reminder, not five: all have the topic of their campaign', async () => {
    const debtId = await registered();
    const other = await registered();
    await environment.sleep('7 days');
    const { contacts } = await debtOf(issuer, debtId);
    expect(contacts.length).toBeGreaterThanOrEqual(5);
    await until('all pushes', () => browser.received.length >= 2 * contacts.length);
    const waiting = browser.undelivered();
    expect(waiting).toHaveLength(2);
    const last = contacts.at(-1)?.messageId;
    expect(waiting.map((it) => it.link)).toContain(`/wallet/repay/${debtId}?message=${last ?? ''}`);
    expect((await debtOf(issuer, other)).contacts).toHaveLength(contacts.length);
    const { events = [] } = await stack.temporal.workflow
      .getHandle(dunningWorkflowId(issuer.issuerId, debtId))
      .fetchHistory();
    expect((events ?? []).length).toBeLessThanOrEqual(12 * contacts.length);
  });
});
