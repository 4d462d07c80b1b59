import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DebtView } from '../../domain/dunning/debt.ts';
import { dunningWorkflowId, operateCampaign } from '../../workflows/dunning/contract.ts';
import { dunningTaskQueue } from '../../workflows/task-queue.ts';
import {
  debtBody,
  debtOf,
  givenCreditor,
  givenDebtor,
  inboxOf,
  tell,
  type GivenCreditor,
} from '../support/debts.ts';
import { givenPayer, uniqueId, type GivenPayer } from '../support/givens.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { createTimeSkippingServer } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Weeks pass in seconds here. A server a test, as in time.test.ts. It is noon for the user when a test begins. */
let environment: TestWorkflowEnvironment;
let stack: Stack;
let receiver: WebhookReceiver;
let issuer: GivenCreditor;
let debtor: GivenPayer;
let startMs: number;

beforeEach(async () => {
  environment = await createTimeSkippingServer();
  stack = await startStack({ environment });
  receiver = await startWebhookReceiver();
  issuer = await givenCreditor(stack, receiver.url);
  startMs = await environment.currentTimeMs();
  debtor = await givenDebtor(stack, startMs);
});
afterEach(async () => {
  receiver.close();
  await stack.stop();
  await environment.teardown();
});

/** Registers an overdue bill and waits for its first message. */
async function reminded(it: { amount?: number } = {}): Promise<string> {
  const debtId = uniqueId('d');
  await put(debtId, debtBody({ userId: debtor.userId, ...it }, startMs));
  await until('the first contact', async () => (await debt(debtId)).contacts.length === 1);
  return debtId;
}

const put = (debtId: string, body: object) => issuer.call<DebtView>('PUT', `/v1/debts/${debtId}`, body);
const debt = (debtId: string) => debtOf(issuer, debtId);
const handleOf = (debtId: string) =>
  stack.temporal.workflow.getHandle(dunningWorkflowId(issuer.issuerId, debtId));
const pay = (debtId: string, repaymentId: string, amount: number) =>
  issuer.call('POST', `/v1/debts/${debtId}/repayments`, {
    repaymentId,
    amount,
    paidAt: new Date().toISOString(),
  });

/** `day hour` of each contact in the user's zone, where it was noon of day 0 at the start. */
async function timeline(debtId: string): Promise<string[]> {
  const noonMs = Math.floor(startMs / HOUR_MS) * HOUR_MS;
  return (await debt(debtId)).contacts.map(({ sentAt }) => {
    const hours = Math.floor((Date.parse(sentAt) - noonMs) / HOUR_MS) + 12;
    return `${Math.floor(hours / 24)} ${hours % 24}:00`;
  });
}

const two = (n: number): string => String(n).padStart(2, '0');
const inDays = (days: number): string => new Date(startMs + days * DAY_MS).toISOString();

function closings(debtId: string): DebtView[] {
  return receiver.received
    .map((it) => JSON.parse(it.body) as DebtView)
    .filter((it) => it.debtId === debtId && it.closedAt !== undefined);
}

async function eventsTold(type: string): Promise<number> {
  const found = await stack.pool.query('select 1 from webhook_event where owner_id = $1 and type = $2', [
    issuer.issuerId,
    type,
  ]);
  return found.rowCount ?? 0;
}

async function expectOneClosing(debtId: string, outcome: string): Promise<void> {
  expect(await handleOf(debtId).result()).toBe(outcome);
  await until('debt.closed', () => Promise.resolve(closings(debtId).length > 0));
  expect(await debt(debtId)).toMatchObject({ state: outcome, outcome });
  expect(closings(debtId)).toMatchObject([{ outcome }]);
  expect(await eventsTold('debt.closed')).toBe(1);
}

describe('never opened', () => {
  it('intervals 72, 36, 18, 12, 12 h, moved out of the night; a contact costs at most 12 events', async () => {
    const debtId = await reminded();
    await environment.sleep('11 days');
    // Due times as in test/domain/dunning/next-contact.test.ts, which says why each is what it is.
    expect(await timeline(debtId)).toEqual([
      '0 12:00',
      '3 12:00',
      '5 8:00',
      '6 8:00',
      '6 20:00',
      '7 8:00',
      '7 20:00',
      '8 8:00',
      '10 12:00',
    ]);
    const { deferrals } = await debt(debtId);
    expect(deferrals.map((it) => it.reason)).toEqual(
      expect.arrayContaining(['QUIET_HOURS', 'SEVEN_DAY_CAP']),
    );
    const events = (await handleOf(debtId).fetchHistory()).events ?? [];
    const begins = events.flatMap((it, i) => (it.timerFiredEventAttributes == null ? [] : [i]));
    const costs = [0, ...begins].map((begin, i) => (begins[i] ?? events.length) - begin);
    expect(costs).toHaveLength(9);
    expect(Math.max(...costs)).toBeLessThanOrEqual(12);
  });

  it('to the last of maxMessages is exhausted a pause later, told once, in stages that are all there', async () => {
    const debtId = await reminded();
    // Waiting for the end skips the time up to it.
    await expectOneClosing(debtId, 'EXHAUSTED');
    const { contacts, noSignal } = await debt(debtId);
    expect(contacts).toHaveLength(24);
    expect([...new Set(contacts.map((it) => it.stage))]).toEqual([0, 1, 2]);
    expect(noSignal).toBe(true);
    expect(await eventsTold('debt.no_signal')).toBe(1);
    // A payment after the end is kept and changes nothing.
    expect((await pay(debtId, 'late', 12_300)).status).toBe(200);
    expect(await debt(debtId)).toMatchObject({ state: 'EXHAUSTED', remainingAmount: 0 });
    expect(closings(debtId)).toHaveLength(1);
  });
});

describe('the second contact of campaigns that begin at 09:00', () => {
  // Of the next year, whenever this runs: the second Sunday of March in New York, and the first of January in Japan.
  const year = new Date().getUTCFullYear() + 1;
  const sunday = 14 - new Date(Date.UTC(year, 2, 0)).getUTCDay();
  const [march, eve] = [`${year}-03-${two(sunday - 2)}`, `${year}-12-30`];
  const changed = `${year}-03-${two(sunday)}`;

  it('due at 20:59, 21:00, 07:59, on a holiday, on the DST change in New York and in a zone with :30 offset comes at the right minute, once, with the reason', async () => {
    const cases = [
      ['Asia/Tokyo', march, 11 + 59 / 60, 'none', `${changed.slice(0, 8)}${two(sunday - 1)}T20:59+09:00`, []],
      ['Asia/Tokyo', march, 12, 'none', `${changed}T08:00+09:00`, ['QUIET_HOURS']],
      ['Asia/Tokyo', march, 22 + 59 / 60, 'none', `${changed}T08:00+09:00`, ['QUIET_HOURS']],
      ['Asia/Tokyo', eve, 24, 'JP', `${year + 1}-01-02T08:00+09:00`, ['HOLIDAY', 'QUIET_HOURS']],
      // 02:00 of that night does not exist.
      ['America/New_York', march, 17, 'none', `${changed}T08:00-04:00`, ['QUIET_HOURS']],
      ['Asia/Kolkata', march, 12, 'none', `${changed}T08:00+05:30`, ['QUIET_HOURS']],
    ] as const;
    const campaigns = [];
    for (const [timeZone, dueOn, hours, holidays, at, reasons] of cases) {
      const creditor = await givenCreditor(stack);
      const intervals = { baseIntervalHours: hours, minIntervalHours: 1, openedIntervalHours: hours };
      await creditor.call('PUT', '/v1/dunning/policy', { ...intervals, holidays, maxMessages: 2 });
      const user = await givenPayer(stack, { timeZone, locale: 'ja' });
      const debtId = uniqueId('d');
      await creditor.call('PUT', `/v1/debts/${debtId}`, debtBody({ userId: user.userId, dueOn }));
      campaigns.push({ creditor, debtId, at, reasons });
    }
    const lastMs = Date.parse(`${year + 1}-01-03T00:00:00Z`);
    await environment.sleep(lastMs - (await environment.currentTimeMs()));
    for (const { creditor, debtId, at, reasons } of campaigns) {
      const { contacts, deferrals } = await debtOf(creditor, debtId);
      const lateMs = Date.parse(contacts[1]?.sentAt ?? '') - Date.parse(at);
      expect({ at, contacts: contacts.length, reasons: deferrals.map((it) => it.reason) }).toEqual({
        at,
        contacts: 2,
        reasons,
      });
      expect(lateMs).toBeGreaterThanOrEqual(0);
      expect(lateMs).toBeLessThan(60_000);
    }
  });
});

describe('opened', () => {
  it('after three unopened: back to 120 h, at once, also while a timer runs', async () => {
    const debtId = await reminded();
    await environment.sleep('130 hours');
    const before = await debt(debtId);
    expect(before.contacts).toHaveLength(3);
    const last = before.contacts[2];
    await tell(debtor, last?.messageId ?? '', 'OPENED');
    await until('the longer pause', async () => (await debt(debtId)).nextContact?.reason === 'AFTER_OPENED');
    const { nextContact } = await debt(debtId);
    expect(Date.parse(nextContact?.at ?? '') - Date.parse(last?.sentAt ?? '')).toBe(120 * HOUR_MS);
    await environment.sleep('100 hours');
    expect((await debt(debtId)).contacts).toHaveLength(3);
    await environment.sleep('30 hours');
    const after = await debt(debtId);
    expect(after.contacts).toHaveLength(4);
    const lateMs = Date.parse(after.contacts[3]?.sentAt ?? '') - Date.parse(nextContact?.at ?? '');
    expect(lateMs).toBeGreaterThanOrEqual(0);
    expect(lateMs).toBeLessThan(60_000);
  });
});

describe('a day in a campaign without events', () => {
  it('costs nothing', async () => {
    const debtId = uniqueId('d');
    const dueOn = inDays(300).slice(0, 10);
    await put(debtId, debtBody({ userId: debtor.userId, dueOn }, startMs));
    await until('the plan', async () => (await debt(debtId)).nextContact?.reason === 'FIRST_CONTACT');
    const count = async () => (await handleOf(debtId).fetchHistory()).events?.length ?? 0;
    await environment.sleep('1 day');
    const before = await count();
    await environment.sleep('20 days');
    expect(await count()).toBe(before);
  });
});

describe('partial payments between two stages', () => {
  it('lower the amount, skip no stage and repeat none', async () => {
    const debtId = await reminded();
    await pay(debtId, 'r1', 2_300);
    await environment.sleep('8 days');
    await pay(debtId, 'r2', 1_000);
    await environment.sleep('15 days');
    const { contacts, remainingAmount } = await debt(debtId);
    expect(remainingAmount).toBe(9_000);
    const stages = contacts.map((it) => it.stage);
    expect(stages).toEqual([...stages].sort((a, b) => a - b));
    expect(new Set(stages)).toEqual(new Set([0, 1, 2]));
    const [newest] = await inboxOf(debtor);
    expect(newest?.body).toContain('9,000 JPY');
    await pay(debtId, 'r3', 9_000);
    await expectOneClosing(debtId, 'SETTLED');
  });
});

describe('a promise', () => {
  const promise = (debtId: string, payOn: string) =>
    issuer.call('PUT', `/v1/debts/${debtId}/promise`, { payOn });

  it('that is kept ends in SETTLED without another message', async () => {
    const debtId = await reminded();
    await promise(debtId, inDays(10).slice(0, 10));
    await until('the promise', async () => (await debt(debtId)).state === 'PROMISED');
    await environment.sleep('9 days');
    expect((await debt(debtId)).contacts).toHaveLength(1);
    await pay(debtId, 'r1', 12_300);
    await expectOneClosing(debtId, 'SETTLED');
    expect((await debt(debtId)).contacts).toHaveLength(1);
  });

  it('that is broken is followed by a message in the morning after its day', async () => {
    const debtId = await reminded();
    await promise(debtId, inDays(10).slice(0, 10));
    await until('the promise', async () => (await debt(debtId)).state === 'PROMISED');
    await environment.sleep('12 days');
    expect((await timeline(debtId)).slice(0, 2)).toEqual(['0 12:00', '11 8:00']);
    expect((await debt(debtId)).state).toBe('CONTACTED');
    expect((await debt(debtId)).deferrals.map((it) => it.reason)).toEqual(
      expect.arrayContaining(['PROMISE', 'QUIET_HOURS']),
    );
  });

  it('that is renewed before its day protects to the later one', async () => {
    const debtId = await reminded();
    await promise(debtId, inDays(5).slice(0, 10));
    await until('the promise', async () => (await debt(debtId)).state === 'PROMISED');
    await environment.sleep('4 days');
    await promise(debtId, inDays(9).slice(0, 10));
    await environment.sleep('7 days');
    expect((await timeline(debtId)).slice(0, 2)).toEqual(['0 12:00', '10 8:00']);
  });
});

describe('an operator', () => {
  it('holds, releases and stops a campaign by one JSON value, and nonsense changes nothing', async () => {
    const debtId = await reminded();
    const handle = handleOf(debtId);
    const word = { operator: 'aoi', reason: 'ticket 7' };
    for (const nonsense of [
      undefined,
      'stop',
      { action: 'STOP' },
      { ...word, action: 'HOLD', until: 'soon' },
    ])
      await handle.signal('operateCampaign', nonsense);
    const details = async () =>
      (await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata')).currentDetails;
    await until('what was wrong', async () => (await details()).includes('not obeyed: until'));
    expect((await debt(debtId)).state).toBe('CONTACTED');

    await handle.signal(operateCampaign, { ...word, action: 'HOLD', until: inDays(40) });
    await until('the hold', async () => (await debt(debtId)).state === 'ON_HOLD');
    await environment.sleep('20 days');
    expect((await debt(debtId)).contacts).toHaveLength(1);
    await handle.signal(operateCampaign, { ...word, action: 'RELEASE' });
    await until('the message', async () => (await debt(debtId)).contacts.length === 2);
    await handle.signal(operateCampaign, { ...word, action: 'STOP' });
    await expectOneClosing(debtId, 'WITHDRAWN');
    const log = await stack.pool.query<{ kind: string }>(
      `select kind from debt_log where debt_id = $1 and actor = 'aoi' order by log_id`,
      [debtId],
    );
    expect(log.rows.map((it) => it.kind)).toEqual(['HOLD', 'RELEASE', 'CLOSED', 'WITHDRAW']);
  });
});

describe('a campaign that has grown long', () => {
  it('goes on as a new run and neither forgets nor repeats a contact', async () => {
    const debtId = uniqueId('d');
    const at = new Date(startMs - 1);
    // Started here, with a small limit, before the API finds it running.
    await stack.temporal.workflow.start('dunning', {
      workflowId: dunningWorkflowId(issuer.issuerId, debtId),
      taskQueue: dunningTaskQueue(stack.taskQueue),
      args: [{ issuerId: issuer.issuerId, debtId, maxEvents: 20 }],
      startDelay: '1 hour',
    });
    await put(debtId, debtBody({ userId: debtor.userId }, at.getTime()));
    const first = (await handleOf(debtId).describe()).runId;
    await environment.sleep('11 days');
    expect((await handleOf(debtId).describe()).runId).not.toBe(first);
    const { contacts } = await debt(debtId);
    expect(contacts).toHaveLength(9);
    await pay(debtId, 'r1', 12_300);
    await expectOneClosing(debtId, 'SETTLED');
  });
});
