import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { assertDefined } from '../../domain/assert.ts';
import type { DebtView } from '../../domain/dunning/debt.ts';
import { dunningWorkflowId } from '../../workflows/dunning/contract.ts';
import { pushWorkflowId } from '../../workflows/push/contract.ts';
import { pushTaskQueue } from '../../workflows/task-queue.ts';
import {
  debtBody,
  debtOf,
  givenCreditor,
  inboxOf,
  zoneAtNoon,
  type GivenCreditor,
} from '../support/debts.ts';
import { createFaultyPool } from '../support/faults.ts';
import { givenPayer, uniqueId, type GivenPayer } from '../support/givens.ts';
import { givenBrowser, pushAttemptsOf, pushStatusOf } from '../support/push.ts';
import { startPushService, type PushService } from '../support/push-service.ts';
import { startStack, type RunningWorker, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { startWebhookReceiver } from '../support/webhook-receiver.ts';

let service: PushService;
let stack: Stack;
let issuer: GivenCreditor;
let debtor: GivenPayer;
let worker: RunningWorker | undefined;

beforeAll(async () => {
  service = await startPushService();
  stack = await startStack({ workers: 0, pushHosts: [service.host] });
  issuer = await givenCreditor(stack);
});
afterAll(async () => {
  await stack.stop();
  service.close();
});
beforeEach(async () => {
  debtor = await givenSomebody('en');
});
afterEach(async () => {
  await worker?.stop();
  worker = undefined;
});

const givenSomebody = (locale: string): Promise<GivenPayer> =>
  givenPayer(stack, { timeZone: zoneAtNoon(Date.now()), locale });

async function registered(userId = debtor.userId): Promise<string> {
  const debtId = uniqueId('d');
  const answer = await issuer.call<DebtView>('PUT', `/v1/debts/${debtId}`, debtBody({ userId }));
  expect(answer.status).toBe(200);
  return debtId;
}

/** The first message of a debt, when its push has come to this end. */
async function pushed(debtId: string, status: string): Promise<string> {
  return until(`a push that is ${status}`, async () => {
    const messageId = (await debtOf(issuer, debtId)).contacts[0]?.messageId;
    return messageId !== undefined && (await pushStatusOf(stack, messageId)) === status
      ? messageId
      : undefined;
  });
}

describe('a reminder', () => {
  it('goes to every browser of the user, and its inbox row says PUSH', async () => {
    const browsers = [await givenBrowser(service, debtor), await givenBrowser(service, debtor)];
    const stranger = await givenBrowser(service, await givenSomebody('en'));
    worker = await stack.startWorker();
    const debtId = await registered();
    const messageId = await pushed(debtId, 'ACCEPTED');
    await stack.temporal.workflow.getHandle(pushWorkflowId(messageId)).result();
    for (const { received } of browsers) {
      expect(received).toMatchObject([
        {
          urgency: 'normal',
          subject: 'mailto:test@example.com',
          payload: {
            messageId,
            kind: 'DUNNING',
            title: 'Your payment',
            link: `/wallet/repay/${debtId}?message=${messageId}`,
          },
        },
      ]);
      const [first] = received;
      expect(first?.topic).toMatch(/^[A-Za-z0-9_-]{32}$/);
      expect(first?.payload.tag).toBe(first?.topic);
      expect(first?.ttl).toBeGreaterThan(71 * 3_600);
      expect(first?.ttl).toBeLessThanOrEqual(72 * 3_600);
    }
    expect(stranger.received).toEqual([]);
    expect((await debtOf(issuer, debtId)).contacts).toMatchObject([
      { messageId, channel: 'PUSH', signal: 'NO_SIGNAL' },
    ]);
    expect(await inboxOf(debtor)).toMatchObject([{ messageId }]);
    const history = JSON.stringify(
      await stack.temporal.workflow.getHandle(pushWorkflowId(messageId)).fetchHistory(),
    );
    for (const secret of [debtor.userId, debtor.deviceId, '12,300', browsers[0]?.subscription.endpoint ?? ''])
      expect(history).not.toContain(secret);
  });

  it.each([
    ['ja', 'お支払いのご確認', 'アプリで内容をご確認ください。'],
    ['en', 'Your payment', 'Open the app to see more.'],
  ])('in %s says no amount on a lock screen, unless the user allows it', async (locale, title, body) => {
    const user = await givenSomebody(locale);
    const shy = await givenBrowser(service, user);
    const open = await givenBrowser(service, user, { showAmounts: true });
    worker = await stack.startWorker();
    const messageId = await pushed(await registered(user.userId), 'ACCEPTED');
    await stack.temporal.workflow.getHandle(pushWorkflowId(messageId)).result();
    expect(shy.received).toMatchObject([{ payload: { title, body } }]);
    expect(JSON.stringify(shy.received)).not.toMatch(/12[,.]?300/);
    expect(open.received[0]?.payload.body).toContain('12,300');
  });

  it('of a user without browsers is in the inbox only, and starts no workflow', async () => {
    worker = await stack.startWorker();
    const debtId = await registered();
    await until('the message', async () => (await debtOf(issuer, debtId)).nextContact !== undefined);
    const [contact] = (await debtOf(issuer, debtId)).contacts;
    expect(contact).toMatchObject({ channel: 'INBOX' });
    const handle = stack.temporal.workflow.getHandle(pushWorkflowId(contact?.messageId ?? ''));
    await expect(handle.describe()).rejects.toThrow('not found');
  });
});

describe('410 on one device', () => {
  it('the other one gets it, and the first is asked no more', async () => {
    const [gone, good] = [await givenBrowser(service, debtor), await givenBrowser(service, debtor)];
    gone.answerWith({ status: 410 });
    worker = await stack.startWorker();
    const messageId = await pushed(await registered(), 'ACCEPTED');
    await stack.temporal.workflow.getHandle(pushWorkflowId(messageId)).result();
    expect(good.received).toHaveLength(1);
    const second = await pushed(await registered(), 'ACCEPTED');
    await stack.temporal.workflow.getHandle(pushWorkflowId(second)).result();
    expect([gone.requests.length, good.received.length]).toEqual([1, 2]);
  });

  it('all gone: inbox only, and the flag for the issuer until the user gives a sign', async () => {
    const browsers = [await givenBrowser(service, debtor), await givenBrowser(service, debtor)];
    for (const [i, it] of browsers.entries()) it.answerWith({ status: i === 0 ? 404 : 410 });
    worker = await stack.startWorker();
    const debtId = await registered();
    const messageId = await pushed(debtId, 'FAILED');
    expect(await debtOf(issuer, debtId)).toMatchObject({ noSignal: true, contacts: [{ channel: 'INBOX' }] });
    expect(await inboxOf(debtor)).toHaveLength(1);
    await debtor.call('POST', `/v1/messages/${messageId}/events`, {
      eventId: 'e',
      type: 'DISPLAYED',
      at: new Date().toISOString(),
    });
    expect((await debtOf(issuer, debtId)).noSignal).toBeUndefined();
  });
});

describe('a push service', () => {
  it('that finds a message too long gets it at once without its body', async () => {
    const browser = await givenBrowser(service, debtor, { showAmounts: true });
    browser.answerOnce({ status: 413 });
    worker = await stack.startWorker();
    const messageId = await pushed(await registered(), 'ACCEPTED');
    expect(browser.received).toMatchObject([{ payload: { messageId, title: 'Your payment' } }]);
    expect(browser.received[0]?.payload.body).toBeUndefined();
    expect((await pushAttemptsOf(stack, messageId)).map((it) => it.outcome)).toEqual(['SHORTEN', 'ACCEPTED']);
  });

  it.each([400, 401, 403, 301])(
    'that answers %i is not asked again, and its subscription stays',
    async (status) => {
      const browser = await givenBrowser(service, debtor);
      browser.answerOnce({ status, headers: { location: `http://${service.host}/elsewhere` } });
      worker = await stack.startWorker();
      const messageId = await pushed(await registered(), 'FAILED');
      expect(await pushAttemptsOf(stack, messageId)).toMatchObject([
        { statusCode: status, outcome: 'REFUSED' },
      ]);
      await pushed(await registered(), 'ACCEPTED');
      expect(browser.requests).toHaveLength(2);
    },
  );

  it('whose host has been taken off the list is not called', async () => {
    const browser = await givenBrowser(service, debtor);
    worker = await stack.startWorker({
      push: { vapid: { publicKey: '', privateKey: '', subject: '' }, hosts: ['push.example'] },
    });
    await pushed(await registered(), 'FAILED');
    expect(browser.requests).toEqual([]);
  });
});

describe('withdraw while sending', () => {
  it('right end, one `debt.closed`', async () => {
    const receiver = await startWebhookReceiver();
    const told = await givenCreditor(stack, receiver.url);
    const browser = await givenBrowser(service, debtor);
    let answer = (): void => undefined;
    browser.answerOnce({ status: 201, takes: true, after: new Promise<void>((done) => (answer = done)) });
    worker = await stack.startWorker();
    const debtId = uniqueId('d');
    await told.call('PUT', `/v1/debts/${debtId}`, debtBody({ userId: debtor.userId }));
    await until('a push on its way', () => browser.received.length === 1);
    const withdrawn = await Promise.all(
      Array.from({ length: 5 }, () => told.call('POST', `/v1/debts/${debtId}/withdraw`)),
    );
    answer();
    expect(withdrawn.map((it) => it.status)).toEqual(Array<number>(5).fill(200));
    const handle = stack.temporal.workflow.getHandle(dunningWorkflowId(told.issuerId, debtId));
    expect(await handle.result()).toBe('WITHDRAWN');
    await until('debt.closed', () => receiver.received.length > 0);
    const { contacts } = await debtOf(told, debtId);
    expect(contacts).toHaveLength(1);
    const push = stack.temporal.workflow.getHandle(pushWorkflowId(contacts[0]?.messageId ?? ''));
    expect(await push.result()).toBe('ACCEPTED');
    expect(receiver.received.map((it) => (JSON.parse(it.body) as DebtView).outcome)).toEqual(['WITHDRAWN']);
    expect(await inboxOf(debtor)).toMatchObject([{ debtState: 'WITHDRAWN' }]);
    receiver.close();
  });
});

describe('neither lost nor doubled', () => {
  it('when the campaign’s step has committed and its answer is lost: the outbox pushes it', async () => {
    const browser = await givenBrowser(service, debtor);
    const faulty = createFaultyPool(stack.pool);
    faulty.loseCommits(1);
    worker = await stack.startWorker({ pool: faulty.pool });
    const debtId = await registered();
    await pushed(debtId, 'ACCEPTED');
    expect((await debtOf(issuer, debtId)).contacts).toHaveLength(1);
    expect(browser.requests).toHaveLength(1);
  });

  it('when the push service has answered and that could not be written down', async () => {
    const browser = await givenBrowser(service, debtor);
    const faulty = createFaultyPool(stack.pool);
    faulty.break('push_record');
    worker = await stack.startWorker({ pool: faulty.pool });
    const debtId = await registered();
    await until('a try to write it down', () => faulty.asked('push_record') > 0);
    faulty.heal();
    const messageId = await pushed(debtId, 'ACCEPTED').catch(() => pushed(debtId, 'ACCEPTED'));
    expect(browser.requests).toHaveLength(1);
    expect(await pushAttemptsOf(stack, messageId)).toHaveLength(1);
  });

  it('when each worker dies after the message is in the inbox: the next one pushes it', async () => {
    const browser = await givenBrowser(service, debtor);
    const debtId = await registered();
    // As a campaign leaves it that was terminated before it started the push.
    await stack.pool.query(
      `insert into debt_message (message_id, issuer_id, debt_id, contact_no, user_id, stage, channel, title, body, link, sent_at, stored_at,
                                 push_body, push_topic, push_until, push_status)
       values ($1, $2, $3, 1, $4, 0, 'INBOX', 't', 'b', 'l', now(), now() - interval '1 minute', 'p', 'topic', now() + interval '1 day', 'DUE')`,
      [uniqueId('msg'), issuer.issuerId, debtId, debtor.userId],
    );
    await stack.temporal.workflow.getHandle(`dunning:${issuer.issuerId}:${debtId}`).terminate();
    worker = await stack.startWorker();
    await until('the push', () => browser.received.length > 0);
    await pushed(debtId, 'ACCEPTED');
    expect(browser.requests).toHaveLength(1);
  });

  it('when two send at once: the service hears of it once', async () => {
    const browser = await givenBrowser(service, debtor);
    let answer = (): void => undefined;
    browser.answerOnce({ status: 201, takes: true, after: new Promise<void>((done) => (answer = done)) });
    worker = await stack.startWorker();
    const debtId = await registered();
    await until('the first try', () => browser.received.length === 1);
    const [contact] = (await debtOf(issuer, debtId)).contacts;
    const { messageId } = assertDefined(contact);
    const second = await stack.temporal.workflow.start('push', {
      workflowId: uniqueId('push-again'),
      taskQueue: pushTaskQueue(stack.taskQueue),
      args: [{ messageId }],
    });
    await until('the second try', async () => {
      const { raw } = await second.describe();
      return raw.pendingActivities?.some((it) => (it.attempt ?? 0) > 1);
    });
    answer();
    await pushed(debtId, 'ACCEPTED');
    expect(await second.result()).toBe('ACCEPTED');
    expect(browser.requests).toHaveLength(1);
  });
});
