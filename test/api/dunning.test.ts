import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerBatch } from '../../api/dunning/register.ts';
import { listUserEvents } from '../../db/user-event.ts';
import type { DebtView } from '../../domain/dunning/debt.ts';
import { dunningWorkflowId } from '../../workflows/dunning/contract.ts';
import { DUE_ON, DUNNING_STAGE, PARTNER_ID } from '../../workflows/search-attributes.ts';
import {
  debtBody,
  debtOf,
  eventsWhenWaiting,
  givenCreditor,
  givenDebtor,
  inboxOf,
  tell,
  type GivenCreditor,
} from '../support/debts.ts';
import { uniqueId, type GivenPayer } from '../support/givens.ts';
import { answerChecker, readOpenApi } from '../support/open-api.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

type DebtAnswer = DebtView & { code?: string; ignored?: string };

let stack: Stack;
let receiver: WebhookReceiver;
let issuer: GivenCreditor;
let debtor: GivenPayer;

beforeAll(async () => {
  stack = await startStack();
  receiver = await startWebhookReceiver();
  issuer = await givenCreditor(stack, receiver.url);
  debtor = await givenDebtor(stack);
});
afterAll(async () => {
  receiver.close();
  await stack.stop();
});

const put = (debtId: string, body: object, by = issuer) =>
  by.call<DebtAnswer>('PUT', `/v1/debts/${debtId}`, body);
const paid = (debtId: string, body: object) =>
  issuer.call<DebtAnswer>('POST', `/v1/debts/${debtId}/repayments`, body);
const PAID_AT = '2026-11-20T10:00:00+09:00';

async function contacted(debtId: string, contacts = 1): Promise<DebtView> {
  await until(
    `${contacts} contacts`,
    async () => (await debtOf(issuer, debtId)).contacts.length === contacts,
  );
  return debtOf(issuer, debtId);
}

/** Bodies of `debt.closed` of one debt, as the issuer's server got them. */
function closings(debtId: string): DebtView[] {
  return receiver.received
    .filter((it) => it.headers['kessai-event-type'] === 'debt.closed')
    .map((it) => JSON.parse(it.body) as DebtView)
    .filter((it) => it.debtId === debtId);
}

describe('a bill that is registered', () => {
  it('by day and overdue is told at once, in the inbox and to the open app, with a link into paying', async () => {
    const debtId = uniqueId('d');
    const answer = await put(debtId, debtBody({ userId: debtor.userId }));
    expect(answer).toMatchObject({
      status: 200,
      body: { debtId, state: 'SCHEDULED', remainingAmount: 12_300, contacts: [], policyVersion: '2026-11' },
    });
    const debt = await contacted(debtId);
    expect(debt).toMatchObject({
      state: 'CONTACTED',
      contacts: [{ channel: 'INBOX', stage: 0, signal: 'NO_SIGNAL' }],
      nextContact: { reason: 'AFTER_UNOPENED' },
    });
    const [message] = (await inboxOf(debtor)).filter((it) => it.debtId === debtId);
    const { messageId } = debt.contacts[0] ?? {};
    expect(message).toMatchObject({
      messageId,
      kind: 'DUNNING',
      title: 'Your payment',
      link: `/wallet/repay/${debtId}?message=${messageId ?? ''}`,
      debtState: 'CONTACTED',
    });
    expect(message?.body).toContain('12,300 JPY');
    const events = await listUserEvents(stack.pool, debtor.userId, 0, 100);
    expect(
      events.filter((it) => (it.payload as { messageId: string }).messageId === messageId),
    ).toMatchObject([{ kind: 'message.created' }]);
  });

  it('has a workflow that operators find by stage, due day and partner, and that says what comes next and why', async () => {
    const debtId = uniqueId('d');
    const body = debtBody({ userId: debtor.userId });
    await put(debtId, body);
    const { nextContact } = await contacted(debtId);
    const handle = stack.temporal.workflow.getHandle(dunningWorkflowId(issuer.issuerId, debtId));
    await until('the stage', async () => {
      const { typedSearchAttributes } = await handle.describe();
      return typedSearchAttributes.get(DUNNING_STAGE) === 'REMINDER';
    });
    const { typedSearchAttributes } = await handle.describe();
    expect(typedSearchAttributes.get(PARTNER_ID)).toBe(issuer.issuerId);
    expect(typedSearchAttributes.get(DUE_ON)?.toISOString()).toBe(`${body.dueOn}T00:00:00.000Z`);
    const metadata = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(metadata.currentDetails).toContain(`contact ${nextContact?.at ?? 'never'} (AFTER_UNOPENED)`);
    expect(metadata.currentDetails).toContain('operateCampaign');
    const history = JSON.stringify(await handle.fetchHistory());
    expect(history).not.toContain(debtor.userId);
    expect(history).not.toContain('12300');
  });

  it('again under the same revision is the same; under a lower one it is ignored and says so', async () => {
    const debtId = uniqueId('d');
    const body = debtBody({ userId: debtor.userId, revision: 5 });
    await put(debtId, body);
    const again = await put(debtId, body);
    expect([again.status, again.headers.get('idempotency-hit')]).toEqual([200, 'true']);
    expect(await put(debtId, { ...body, amount: 1 })).toMatchObject({
      status: 422,
      body: { code: 'IDEMPOTENCY_MISMATCH' },
    });
    const lower = await put(debtId, { ...body, revision: 4, amount: 1 });
    expect(lower).toMatchObject({ status: 200, body: { ignored: 'LOWER_REVISION', amount: 12_300 } });
    const higher = await put(debtId, { ...body, revision: 6, amount: 9_000 });
    expect(higher).toMatchObject({ status: 200, body: { amount: 9_000, remainingAmount: 9_000 } });
    expect((await contacted(debtId)).contacts).toHaveLength(1);
  });

  it('and whose due day is moved ahead is not reminded of before it has passed', async () => {
    const debtId = uniqueId('d');
    const body = debtBody({ userId: debtor.userId });
    await put(debtId, body);
    await contacted(debtId);
    await put(debtId, { ...body, revision: 2, dueOn: '2099-01-30' });
    const { nextContact } = await until('the move', async () => {
      const debt = await debtOf(issuer, debtId);
      return debt.deferrals.some((it) => it.reason === 'NOT_DUE_YET') ? debt : undefined;
    });
    expect(nextContact?.at.slice(0, 10)).toMatch(/^2099-01-3[01]$/);
  });

  it('keeps its user and currency', async () => {
    const debtId = uniqueId('d');
    const body = debtBody({ userId: debtor.userId });
    await put(debtId, body);
    const other = await givenDebtor(stack);
    for (const change of [{ userId: other.userId }, { currency: 'USD' }])
      expect(await put(debtId, { ...body, revision: 2, ...change })).toMatchObject({
        status: 409,
        body: { code: 'CONFLICT_STATE' },
      });
  });

  it('of a user nobody knows is 404', async () => {
    expect((await put(uniqueId('d'), debtBody({ userId: 'nobody' }))).status).toBe(404);
  });

  it('is seen by its issuer and its user alone', async () => {
    const debtId = uniqueId('d');
    await put(debtId, debtBody({ userId: debtor.userId }));
    expect((await debtor.call('GET', `/v1/debts/${debtId}`)).status).toBe(200);
    const stranger = await givenCreditor(stack);
    const passerBy = await givenDebtor(stack);
    for (const { call } of [stranger, passerBy])
      expect((await call('GET', `/v1/debts/${debtId}`)).status).toBe(404);
    for (const [method, path, body] of [
      ['POST', 'withdraw', undefined],
      ['PUT', 'hold', { reason: 'x', until: PAID_AT }],
      ['DELETE', 'hold', undefined],
      ['PUT', 'promise', {}],
    ] as const)
      expect((await stranger.call(method, `/v1/debts/${debtId}/${path}`, body)).status).toBe(404);
    // The same id at another issuer is another debt.
    expect((await put(debtId, debtBody({ userId: passerBy.userId }), stranger)).status).toBe(200);
    expect((await debtOf(issuer, debtId)).userId).toBe(debtor.userId);
    expect((await debtor.call('PUT', `/v1/debts/${debtId}`, {})).status).toBe(403);
  });
});

describe('a repayment', () => {
  it('in parts lowers what is left, twice the same counts once, and the last one settles: debt.closed, once', async () => {
    const debtId = uniqueId('d');
    await put(debtId, debtBody({ userId: debtor.userId }));
    await contacted(debtId);
    const part = { repaymentId: 'r1', amount: 2_300, paidAt: PAID_AT };
    expect((await paid(debtId, part)).body).toMatchObject({ state: 'CONTACTED', remainingAmount: 10_000 });
    const again = await paid(debtId, part);
    expect(again.headers.get('idempotency-hit')).toBe('true');
    expect(again.body.remainingAmount).toBe(10_000);
    expect((await paid(debtId, { ...part, amount: 1 })).status).toBe(422);
    const last = { repaymentId: 'r2', amount: 10_000, paidAt: PAID_AT };
    const answers = await Promise.all(Array.from({ length: 10 }, () => paid(debtId, last)));
    for (const answer of answers)
      expect(answer).toMatchObject({
        status: 200,
        body: { state: 'SETTLED', outcome: 'SETTLED', remainingAmount: 0 },
      });
    expect(answers.filter((it) => it.headers.get('idempotency-hit') === null)).toHaveLength(1);
    await stack.temporal.workflow.getHandle(dunningWorkflowId(issuer.issuerId, debtId)).result();
    await until('debt.closed', () => Promise.resolve(closings(debtId).length > 0));
    // More money, more words: the end stays the end, and is not told again.
    expect((await paid(debtId, { ...last, repaymentId: 'r3' })).body).toMatchObject({ state: 'SETTLED' });
    expect((await issuer.call('POST', `/v1/debts/${debtId}/withdraw`)).status).toBe(409);
    expect(await put(debtId, debtBody({ userId: debtor.userId, revision: 2 }))).toMatchObject({
      status: 409,
    });
    expect(closings(debtId)).toMatchObject([{ outcome: 'SETTLED', remainingAmount: 0 }]);
    const [message] = (await inboxOf(debtor)).filter((it) => it.debtId === debtId);
    expect(message?.debtState).toBe('SETTLED');
  });

  it('before the debt is registered waits for it, and settles it without a message', async () => {
    const debtId = uniqueId('d');
    const early = { repaymentId: 'r1', amount: 12_300, paidAt: PAID_AT };
    expect(await paid(debtId, early)).toMatchObject({ status: 202, body: { waiting: true, debtId } });
    expect((await paid(debtId, early)).headers.get('idempotency-hit')).toBe('true');
    expect((await put(debtId, debtBody({ userId: debtor.userId }))).body).toMatchObject({ state: 'SETTLED' });
    await until('debt.closed', () => Promise.resolve(closings(debtId).length === 1));
    expect((await debtOf(issuer, debtId)).contacts).toEqual([]);
  });

  it('is not needed for a debt that is amended to zero', async () => {
    const debtId = uniqueId('d');
    const body = debtBody({ userId: debtor.userId });
    await put(debtId, body);
    await contacted(debtId);
    expect((await put(debtId, { ...body, amount: 0, revision: 2 })).body).toMatchObject({ state: 'SETTLED' });
    await until('debt.closed', () => Promise.resolve(closings(debtId).length === 1));
  });
});

describe('a debt', () => {
  it('that is withdrawn ends, as often as it is said', async () => {
    const debtId = uniqueId('d');
    await put(debtId, debtBody({ userId: debtor.userId }));
    const first = await issuer.call<DebtAnswer>('POST', `/v1/debts/${debtId}/withdraw`);
    expect(first.body).toMatchObject({ state: 'WITHDRAWN', outcome: 'WITHDRAWN' });
    const again = await issuer.call<DebtAnswer>('POST', `/v1/debts/${debtId}/withdraw`);
    expect([again.status, again.headers.get('idempotency-hit')]).toEqual([200, 'true']);
    await until('debt.closed', () => Promise.resolve(closings(debtId).length === 1));
  });

  it('that is held or promised is not reminded of, and says why', async () => {
    const debtId = uniqueId('d');
    await put(debtId, debtBody({ userId: debtor.userId }));
    await contacted(debtId);
    const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();
    const hold = { reason: 'complaint', until: inDays(10) };
    expect((await issuer.call<DebtAnswer>('PUT', `/v1/debts/${debtId}/hold`, hold)).body).toMatchObject({
      state: 'ON_HOLD',
      hold,
    });
    await until('the hold', async () =>
      (await debtOf(issuer, debtId)).deferrals.some((it) => it.reason === 'HOLD'),
    );
    const held = await debtOf(issuer, debtId);
    expect(Date.parse(held.nextContact?.at ?? '')).toBeGreaterThanOrEqual(Date.parse(hold.until));

    expect((await issuer.call<DebtAnswer>('DELETE', `/v1/debts/${debtId}/hold`)).body).toMatchObject({
      state: 'CONTACTED',
    });
    const payOn = inDays(12).slice(0, 10);
    expect((await issuer.call('PUT', `/v1/debts/${debtId}/promise`, { payOn })).status).toBe(200);
    await until('the promise', async () => (await debtOf(issuer, debtId)).state === 'PROMISED');
    expect(await debtOf(issuer, debtId)).toMatchObject({ promise: { payOn, paymentsStopped: false } });
    expect((await debtOf(issuer, debtId)).deferrals.map((it) => it.reason)).toContain('PROMISE');

    await issuer.call('PUT', `/v1/debts/${debtId}/promise`, { payOn, paymentsStopped: true });
    await until('no protection', async () => (await debtOf(issuer, debtId)).state === 'CONTACTED');
  });
});

describe('a time that no database keeps', () => {
  it('is refused before anything is stored', async () => {
    const debtId = uniqueId('d');
    await put(debtId, debtBody({ userId: debtor.userId }));
    for (const wrong of ['0000-01-01T00:00:00Z', '2026-12-01T00:00:00+23:59', '9999-12-31T23:59:59Z']) {
      const hold = { reason: 'x', until: wrong };
      expect((await issuer.call('PUT', `/v1/debts/${debtId}/hold`, hold)).status).toBe(400);
      expect((await paid(debtId, { repaymentId: 'r', amount: 1, paidAt: wrong })).status).toBe(400);
    }
  });

  it('does not end a campaign when an operator sends it', async () => {
    const debtId = uniqueId('d');
    await put(debtId, debtBody({ userId: debtor.userId }));
    await contacted(debtId);
    const handle = stack.temporal.workflow.getHandle(dunningWorkflowId(issuer.issuerId, debtId));
    const word = { operator: 'aoi', action: 'HOLD', reason: 'ticket 7' };
    for (const until of ['2027-02-31T00:00:00Z', '0000-01-01T00:00:00Z', '9999-12-31T23:59:59Z'])
      await handle.signal('operateCampaign', { ...word, until });
    await handle.signal('operateCampaign', { ...word, reason: 'a\u0000b', until: '2027-01-31T00:00:00Z' });
    await handle.signal('operateCampaign', { ...word, action: 'RELEASE', until: 'whenever' });
    // Postgres knows no such offset; the moment is one all the same.
    await handle.signal('operateCampaign', { ...word, until: '2099-01-31T00:00:00+23:59' });
    await until('the hold', async () => (await debtOf(issuer, debtId)).state === 'ON_HOLD');
    expect((await debtOf(issuer, debtId)).hold).toMatchObject({ until: '2099-01-30T00:01:00.000Z' });
    expect((await handle.describe()).status.name).toBe('RUNNING');
  });
});

describe('messages of which no phone gives a sign', () => {
  const SECOND = 1 / 3_600;
  const quick = { baseIntervalHours: SECOND, minIntervalHours: SECOND, openedIntervalHours: SECOND };

  function noSignals(debtId: string): DebtView[] {
    return receiver.received
      .filter((it) => it.headers['kessai-event-type'] === 'debt.no_signal')
      .map((it) => JSON.parse(it.body) as DebtView)
      .filter((it) => it.debtId === debtId);
  }

  it('three in a row are told to the issuer once, and again after a sign and three more', async () => {
    const other = await givenCreditor(stack, receiver.url);
    await other.call('PUT', '/v1/dunning/policy', { ...quick, maxPer7Days: 21 });
    const debtId = uniqueId('d');
    await put(debtId, debtBody({ userId: debtor.userId }), other);
    await until('the flag', () => Promise.resolve(noSignals(debtId).length > 0), 30_000);
    expect(noSignals(debtId)[0]).toMatchObject({ noSignal: true, state: 'CONTACTED' });
    expect(noSignals(debtId)[0]?.contacts.length).toBeGreaterThanOrEqual(3);
    await until('one more', async () => (await debtOf(other, debtId)).contacts.length >= 5, 30_000);
    expect(noSignals(debtId)).toHaveLength(1);
    const { messageId = '' } = (await debtOf(other, debtId)).contacts.at(-1) ?? {};
    await tell(debtor, messageId, 'DISPLAYED');
    expect((await debtOf(other, debtId)).noSignal).toBeUndefined();
    await until('the flag again', () => Promise.resolve(noSignals(debtId).length > 1), 30_000);
    await other.call('POST', `/v1/debts/${debtId}/withdraw`);
    expect(noSignals(debtId)).toHaveLength(2);
    expect(new Set(noSignals(debtId).map((it) => it.contacts.length)).size).toBe(2);
  }, 90_000);

  it('of an issuer without an address are told to nobody, and neither is the end', async () => {
    const other = await givenCreditor(stack);
    await other.call('PUT', '/v1/dunning/policy', { ...quick, maxMessages: 1, noSignalFlagAfter: 1 });
    const debtId = uniqueId('d');
    await put(debtId, debtBody({ userId: debtor.userId }), other);
    const handle = stack.temporal.workflow.getHandle(dunningWorkflowId(other.issuerId, debtId));
    expect(await handle.result()).toBe('EXHAUSTED');
    expect((await debtOf(other, debtId)).noSignal).toBe(true);
    expect(JSON.stringify(await handle.fetchHistory())).not.toContain('webhookDelivery');
  });
});

describe('an event of a message', () => {
  it('that it was displayed or opened is kept once, and opened sets the next contact 120 h after the last', async () => {
    const debtId = uniqueId('d');
    await put(debtId, debtBody({ userId: debtor.userId }));
    const { contacts } = await contacted(debtId);
    const { messageId = '', sentAt = '' } = contacts[0] ?? {};
    expect((await tell(debtor, messageId, 'DISPLAYED')).status).toBe(200);
    expect((await debtOf(issuer, debtId)).contacts[0]).toMatchObject({ signal: 'UNOPENED' });
    const at = new Date().toISOString();
    const opened = await tell(debtor, messageId, 'OPENED', { eventId: 'o', at });
    expect(opened).toMatchObject({ status: 200, body: { messageId } });
    expect(opened.body.openedAt).toBeDefined();
    expect(
      (await tell(debtor, messageId, 'OPENED', { eventId: 'o', at })).headers.get('idempotency-hit'),
    ).toBe('true');
    expect(await tell(debtor, messageId, 'DISMISSED', { eventId: 'o', at })).toMatchObject({
      status: 422,
      body: { code: 'IDEMPOTENCY_MISMATCH' },
    });
    await until(
      'the longer pause',
      async () => (await debtOf(issuer, debtId)).nextContact?.reason === 'AFTER_OPENED',
    );
    const debt = await debtOf(issuer, debtId);
    expect(Date.parse(debt.nextContact?.at ?? '') - Date.parse(sentAt)).toBe(120 * 3_600_000);
    expect(debt.contacts[0]).toMatchObject({ signal: 'OPENED' });
  });

  it('that an older one was opened again counts like any other: the pause is the long one', async () => {
    const debtId = uniqueId('d');
    await put(debtId, debtBody({ userId: debtor.userId }));
    const { messageId = '' } = (await contacted(debtId)).contacts[0] ?? {};
    const untilNext = (reason: string) =>
      until(reason, async () => (await debtOf(issuer, debtId)).nextContact?.reason === reason);
    await tell(debtor, messageId, 'OPENED');
    await untilNext('AFTER_OPENED');
    await stack.pool.query(
      `insert into debt_message (message_id, issuer_id, debt_id, contact_no, user_id, stage, channel, title, body, link, sent_at)
       select $1, issuer_id, debt_id, 2, user_id, 0, 'INBOX', 't', 'b', 'l', clock_timestamp() from debt_message where message_id = $2`,
      [uniqueId('msg'), messageId],
    );
    const handle = stack.temporal.workflow.getHandle(dunningWorkflowId(issuer.issuerId, debtId));
    await handle.signal('debtChanged');
    await untilNext('AFTER_UNOPENED');
    await tell(debtor, messageId, 'OPENED');
    await untilNext('AFTER_OPENED');
    const before = await eventsWhenWaiting(handle);
    // It changes nothing any more, so nobody is woken.
    await tell(debtor, messageId, 'OPENED');
    expect((await handle.fetchHistory()).events).toHaveLength(before);
  });

  it('by a clock that is wrong was not before it was sent nor after it was told', async () => {
    const debtId = uniqueId('d');
    await put(debtId, debtBody({ userId: debtor.userId }));
    const { messageId = '', sentAt } = (await contacted(debtId)).contacts[0] ?? {};
    await tell(debtor, messageId, 'DISPLAYED', { at: '2001-01-01T00:00:00Z' });
    expect((await debtOf(issuer, debtId)).contacts[0]?.displayedAt).toBe(sentAt);
    await tell(debtor, messageId, 'OPENED', { at: '2101-01-01T00:00:00Z' });
    const { openedAt = '' } = (await debtOf(issuer, debtId)).contacts[0] ?? {};
    expect(Date.parse(openedAt)).toBeLessThanOrEqual(Date.now());
  });

  it('told out of order, twice and ten times at once is kept once, with the first of its times', async () => {
    const debtId = uniqueId('d');
    await put(debtId, debtBody({ userId: debtor.userId }));
    const { messageId = '', sentAt = '' } = (await contacted(debtId)).contacts[0] ?? {};
    const after = (ms: number): string => new Date(Date.parse(sentAt) + ms).toISOString();
    await until('a moment to be told of', () => Date.now() > Date.parse(sentAt) + 30);
    await tell(debtor, messageId, 'OPENED', { at: after(20) });
    const displayed = { eventId: 'shown', at: after(10) };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => tell(debtor, messageId, 'DISPLAYED', displayed)),
    );
    expect(answers.map((it) => it.status)).toEqual(Array<number>(10).fill(200));
    expect(answers.filter((it) => it.headers.get('idempotency-hit') === null)).toHaveLength(1);
    await tell(debtor, messageId, 'DISMISSED', { at: after(25) });
    expect((await debtOf(issuer, debtId)).contacts).toMatchObject([
      { displayedAt: after(10), openedAt: after(20), signal: 'OPENED' },
    ]);
  });

  it('of somebody else’s message is 404', async () => {
    const debtId = uniqueId('d');
    await put(debtId, debtBody({ userId: debtor.userId }));
    const { messageId = '' } = (await contacted(debtId)).contacts[0] ?? {};
    expect((await tell(await givenDebtor(stack), messageId, 'OPENED')).status).toBe(404);
  });
});

it('what is answered is what the description of the API says', async () => {
  const faultsOf = answerChecker(await readOpenApi(stack.baseUrl));
  const debtId = uniqueId('d');
  const body = debtBody({ userId: debtor.userId });
  const late = { repaymentId: 'r', amount: 1, paidAt: PAID_AT };
  expect(faultsOf('POST /v1/debts/{debtId}/repayments', await paid(debtId, late))).toEqual([]);
  expect(faultsOf('PUT /v1/debts/{debtId}', await put(debtId, body))).toEqual([]);
  const { messageId = '' } = (await contacted(debtId)).contacts[0] ?? {};
  const answers = [
    ['PUT /v1/debts/{debtId}', await put(debtId, { ...body, revision: 0 })],
    ['GET /v1/debts/{debtId}', await issuer.call('GET', `/v1/debts/${debtId}`)],
    ['POST /v1/debts/{debtId}/repayments', await paid(debtId, late)],
    ['POST /v1/debts/batch', await issuer.call('POST', '/v1/debts/batch', { items: [{}] })],
    ['GET /v1/me/messages', await debtor.call('GET', '/v1/me/messages?limit=2')],
    ['POST /v1/messages/{messageId}/events', await tell(debtor, messageId, 'OPENED')],
    ['PUT /v1/debts/{debtId}/promise', await issuer.call('PUT', `/v1/debts/${debtId}/promise`, {})],
    ['POST /v1/debts/{debtId}/withdraw', await issuer.call('POST', `/v1/debts/${debtId}/withdraw`)],
    ['DELETE /v1/debts/{debtId}/hold', await issuer.call('DELETE', `/v1/debts/${debtId}/hold`)],
  ] as const;
  for (const [operation, answer] of answers)
    expect({ operation, faults: faultsOf(operation, answer) }).toEqual({ operation, faults: [] });
});

describe('a batch', () => {
  it('of 200 with ten bad items registers 190 and explains ten', async () => {
    const due = debtBody({ userId: debtor.userId, dueOn: '2030-01-01' });
    const bad = [
      { amount: -1 },
      { userId: 'nobody' },
      { dueOn: '2026-02-30' },
      { revision: 'x' },
      { currency: 'yen' },
    ];
    const prefix = uniqueId('b');
    const items = Array.from({ length: 200 }, (_, i) => ({
      debtId: `${prefix}-${i}`,
      ...due,
      ...(i % 20 === 7 ? bad[Math.floor(i / 20) % bad.length] : {}),
    }));
    const answer = await issuer.call<{ results: { debtId: string; status: string; detail?: string }[] }>(
      'POST',
      '/v1/debts/batch',
      { items },
    );
    expect(answer.status).toBe(200);
    const { results } = answer.body;
    expect(results.map((it) => it.debtId)).toEqual(items.map((it) => it.debtId));
    expect(results.filter((it) => it.status === 'REGISTERED')).toHaveLength(190);
    const refused = results.filter((it) => it.status === 'REFUSED');
    expect(refused).toHaveLength(10);
    for (const it of refused) expect(it.detail).toMatch(/\w+/);
    const [mine] = items;
    expect(await issuer.call('POST', '/v1/debts/batch', { items: [mine, 'nonsense', null] })).toMatchObject({
      status: 200,
      body: { results: [{ status: 'UNCHANGED' }, { status: 'REFUSED' }, { status: 'REFUSED' }] },
    });
  });

  it('with a bill twice registers it once; twice with different words the second is refused', async () => {
    const bill = { debtId: uniqueId('d'), ...debtBody({ userId: debtor.userId, dueOn: '2030-01-01' }) };
    const other = { ...bill, debtId: uniqueId('d') };
    const answer = await issuer.call<{ results: { debtId: string; status: string; code?: string }[] }>(
      'POST',
      '/v1/debts/batch',
      { items: [...Array.from({ length: 20 }, () => bill), other, { ...other, amount: 1 }] },
    );
    const { results } = answer.body;
    expect(results.slice(0, 20).filter((it) => it.status === 'REGISTERED')).toHaveLength(1);
    expect(results.slice(0, 20).filter((it) => it.status === 'UNCHANGED')).toHaveLength(19);
    expect(
      results
        .slice(20)
        .map((it) => it.code ?? it.status)
        .sort(),
    ).toEqual(['IDEMPOTENCY_MISMATCH', 'REGISTERED']);
  });

  it('while Temporal is away is answered in seconds, each item as one to send again', async () => {
    const connection = Connection.lazy({ address: '127.0.0.1:1' });
    const { pool, taskQueue } = stack;
    const away = { pool, taskQueue, temporal: new Client({ connection }), log: pino({ level: 'silent' }) };
    const body = debtBody({ userId: debtor.userId, dueOn: '2030-01-01' });
    const items = Array.from({ length: 100 }, () => ({ debtId: uniqueId('d'), ...body }));
    const before = performance.now();
    const results = await registerBatch(away, issuer.issuerId, items);
    expect(new Set(results.map((it) => it.code))).toEqual(new Set(['UNAVAILABLE']));
    expect(performance.now() - before).toBeLessThan(20_000);
    const again = await issuer.call<{ results: { status: string }[] }>('POST', '/v1/debts/batch', { items });
    for (const { status } of again.body.results) expect(status).toMatch(/REGISTERED|UNCHANGED/);
  }, 60_000);

  it('of more than 1,000 is refused whole', async () => {
    const items = Array.from({ length: 1_001 }, () => ({}));
    expect((await issuer.call('POST', '/v1/debts/batch', { items })).status).toBe(400);
  });
});
