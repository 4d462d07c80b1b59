import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../db/id.ts';
import { createKey } from '../../db/key.ts';
import { findPaidForStay } from '../../db/parking-quote.ts';
import { settleParking } from '../../db/parking-settlement.ts';
import { parkingMerchantId, type SettlementView } from '../../domain/parking/settlement.ts';
import { confirmRelease, parkingWorkflowId } from '../../workflows/parking-settlement/contract.ts';
import { AWAITING_OPERATOR } from '../../workflows/search-attributes.ts';
import { apiClient } from '../support/client.ts';
import { uniqueId } from '../support/givens.ts';
import {
  givenDriver,
  givenOperator,
  startOperatorServer,
  type GivenOperator,
  type TestOperatorServer,
} from '../support/parking.ts';
import { openBreaks } from '../support/reconcile.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let server: TestOperatorServer;
let operator: GivenOperator;
let unattended: GivenOperator;

beforeAll(async () => {
  stack = await startStack();
  server = await startOperatorServer();
  operator = await givenOperator(stack, server);
  unattended = await givenOperator(stack);
});
afterAll(async () => {
  server.close();
  await stopWithSoundLedger(stack);
});

afterEach(() => {
  server.heal();
});

async function answersOf(view: SettlementView, of: GivenOperator) {
  const found = await of.call<{ answers: Record<string, unknown>[] }>(
    'GET',
    `/v1/parking/settlements/${view.reference}`,
  );
  return found.body.answers;
}

describe('a settlement', () => {
  it('is decided at once, then told to the operator’s server, which releases the driver, who leaves in time', async () => {
    const driver = await givenDriver(stack, operator);
    const before = stack.decisions.tally().decided;
    const paid = await driver.settle();
    expect(paid).toMatchObject({
      status: 200,
      body: {
        state: 'PAID',
        amount: 500,
        space: '12',
        acknowledgements: { device: null, operator: null },
        receipt: { invoiceNumber: 'T1234567890123', taxRatePercent: 10, taxAmount: 45, amount: 500 },
      },
    });
    expect(stack.decisions.tally().decided).toBe(before + 1);
    expect(await driver.balance()).toBe(500);
    const released = await driver.untilState('RELEASED');
    expect(released).toMatchObject({
      releasedBy: 'SERVER',
      acknowledgements: { device: null, operator: { outcome: 'RELEASED' } },
    });
    expect(server.heard(released.reference)).toEqual([
      { settlementId: released.reference, releasedBy: null, amount: 500 },
    ]);
    const seen = await driver.call<SettlementView>(
      'POST',
      `/v1/parking/settlements/${driver.settlementId}/seen`,
    );
    expect(seen.body.acknowledgements.device).not.toBeNull();

    await driver.endStay();
    await driver.handle().signal('stayEnded');
    expect((await driver.untilState('EXITED')).exitedAt).toBeDefined();
    expect(await driver.handle().result()).toMatchObject({ state: 'EXITED' });

    const again = await driver.settle();
    expect(again.body).toEqual(paid.body);
    expect(again.headers.get('idempotency-hit')).toBe('true');
    expect(await driver.settle({ quoteId: await driver.quote() })).toMatchObject({
      status: 422,
      body: { code: 'IDEMPOTENCY_MISMATCH' },
    });
    const events = await stack.pool.query<{ kind: string }>(
      'select kind from user_event where user_id = $1 order by seq',
      [driver.userId],
    );
    expect(events.rows.map((row) => row.kind)).toEqual([
      'payment.completed',
      'parking.decided',
      'parking.released',
      'parking.exited',
    ]);
  });

  it('sent by twenty clients at once is one', async () => {
    const driver = await givenDriver(stack, operator);
    // As phones do, each asks again where the machine is too busy to answer in time.
    const client = () =>
      until('the decision', async () => {
        const answer = await driver.settle();
        return answer.status === 200 && answer;
      });
    const answers = await Promise.all(Array.from({ length: 20 }, client));
    expect(new Set(answers.map((it) => JSON.stringify(it.body))).size).toBe(1);
    expect(answers.filter((it) => it.headers.get('idempotency-hit') === null).length).toBeLessThanOrEqual(1);
    const { reference } = await driver.untilState('RELEASED');
    expect(await driver.balance()).toBe(500);
    expect(server.opened.filter((it) => it === reference)).toHaveLength(1);
  });

  it('of an expired quote charges nothing, and its id pays another quote', async () => {
    const past = new Date(Date.now() - 1).toISOString();
    const driver = await givenDriver(stack, operator, { quote: { expiresAt: past } });
    expect(await driver.settle()).toMatchObject({ status: 409, body: { code: 'QUOTE_EXPIRED' } });
    expect(await driver.balance()).toBe(1_000);
    expect(await driver.settle({ quoteId: await driver.quote() })).toMatchObject({ status: 200 });
    expect(await driver.balance()).toBe(500);
  });

  it('of a quote that ends in this very moment charges nothing; a millisecond before, it is paid', async () => {
    const driver = await givenDriver(stack, operator);
    const endMs = Date.now() + 60_000;
    const quoteId = await driver.quote({ expiresAt: new Date(endMs).toISOString() });
    const decide = (atMs: number) =>
      settleParking(stack.pool, {
        ...{ settlementRef: newId('set'), paymentId: newId('pay'), settlementId: driver.settlementId },
        ...{ userId: driver.userId, deviceId: driver.deviceId, quoteId, fundingSource: 'BALANCE' },
        ...{ releaseCode: '0000', requestHash: 'same', attemptId: 'one', policyVersion: 'test' },
        ...{ similarWindowMs: 0, cancelUntilMinutesOfNextDay: 15 },
        requestedAt: new Date(atMs).toISOString(),
        decidedAt: new Date(atMs).toISOString(),
      });
    expect(await decide(endMs)).toMatchObject({ kind: 'refused', code: 'QUOTE_EXPIRED' });
    expect(await driver.balance()).toBe(1_000);
    expect(await decide(endMs - 1)).toMatchObject({ kind: 'settled', view: { state: 'PAID' } });
    expect(await driver.balance()).toBe(500);
  });

  it('of a quote that something was paid after is refused in the ledger, charges nothing, and its id pays another quote', async () => {
    const driver = await givenDriver(stack, operator);
    const soon = await driver.quote({ paidBefore: 1 });
    expect(await driver.settle({ quoteId: soon })).toMatchObject({
      status: 409,
      body: { code: 'CONFLICT_STATE' },
    });
    expect(await driver.settle({ quoteId: soon })).toMatchObject({ status: 409 });
    expect(await driver.balance()).toBe(1_000);
    expect(await driver.settle()).toMatchObject({ status: 200, body: { state: 'PAID' } });
  });

  it('is somebody else’s business: 404 for another driver and another operator', async () => {
    const driver = await givenDriver(stack, operator);
    const { reference } = (await driver.settle()).body;
    const other = await givenDriver(stack, operator);
    expect(await other.settle({ quoteId: driver.quoteId })).toMatchObject({ status: 404 });
    expect((await other.call('GET', `/v1/parking/settlements/${driver.settlementId}`)).status).toBe(404);
    expect((await unattended.call('GET', `/v1/parking/settlements/${reference}`)).status).toBe(404);
    const path = `/v1/parking/settlements/${reference}/confirmations`;
    expect((await unattended.call('POST', path, { eventId: 'e', outcome: 'ALREADY_SETTLED' })).status).toBe(
      404,
    );
  });

  it('that the balance does not cover is declined, and nobody is told', async () => {
    const driver = await givenDriver(stack, operator, { balance: 100 });
    const answer = await driver.settle();
    expect(answer).toMatchObject({
      status: 200,
      body: { state: 'DECLINED', declineCode: 'INSUFFICIENT_FUNDS' },
    });
    await driver.handle().result();
    expect(server.completions.map((it) => it.settlementId)).not.toContain(answer.body.reference);
    expect(await driver.balance()).toBe(100);
  });

  it('of two phones for one stay is one: the second hears that its quote is out of date', async () => {
    const sessionId = uniqueId('s');
    const one = await givenDriver(stack, operator, { sessionId });
    const two = await givenDriver(stack, operator, { sessionId });
    const answers = await Promise.all([one.settle(), two.settle()]);
    expect(answers.map((it) => it.status).sort()).toEqual([200, 409]);
    expect((await one.balance()) + (await two.balance())).toBe(1_500);
  });
});

describe('with the cash machine in the same second, the driver pays once', () => {
  it('cash first: the server says so, and the money comes back', async () => {
    const driver = await givenDriver(stack, operator);
    expect(server.payAtMachine(driver.sessionId)).toBe(true);
    await driver.settle();
    const ended = await driver.untilState('REFUNDED');
    expect(ended).toMatchObject({ refund: { status: 'COMPLETED', reason: 'ALREADY_SETTLED' } });
    expect(await driver.balance()).toBe(1_000);
    const refunds = await stack.pool.query(
      `select 1 from refund f join payment p using (payment_id)
        where p.merchant_payment_id = $1 and f.status = 'COMPLETED' and f.amount = 500`,
      [ended.reference],
    );
    expect(refunds.rowCount).toBe(1);
  });

  it('app first: the machine takes nothing', async () => {
    const driver = await givenDriver(stack, operator);
    await driver.settle();
    await driver.untilState('RELEASED');
    expect(server.payAtMachine(driver.sessionId)).toBe(false);
    expect(await driver.balance()).toBe(500);
  });
});

describe('an operator’s server that', () => {
  it('commits and loses its answers is asked again, and opens once', async () => {
    const driver = await givenDriver(stack, operator);
    server.losesAnswers = 2;
    await driver.settle();
    const { reference } = await driver.untilState('RELEASED');
    expect(server.opened.filter((it) => it === reference)).toHaveLength(1);
  });

  it('answers 202 says later what became of it, twice, and then otherwise: the first word counts', async () => {
    const driver = await givenDriver(stack, operator);
    const reference = await driver.settleUnanswered(server);
    const path = `/v1/parking/settlements/${reference}/confirmations`;
    const event = { eventId: 'ev-1', outcome: 'RELEASED' };
    expect((await operator.call('POST', path, event)).status).toBe(200);
    const released = await driver.untilState('RELEASED');
    expect(released.acknowledgements.operator?.outcome).toBe('RELEASED');
    expect((await operator.call('POST', path, event)).status).toBe(200);
    expect(await operator.call('POST', path, { ...event, outcome: 'NOT_RELEASED' })).toMatchObject({
      status: 422,
    });
    expect((await operator.call('POST', path, { eventId: 'ev-2', outcome: 'NOT_RELEASED' })).status).toBe(
      200,
    );
    await until('the other word to be kept', async () => {
      const answers = await answersOf(released, operator);
      return answers.some((it) => it.outcome === 'NOT_RELEASED' && it.isObeyed === false);
    });
    expect((await driver.look()).state).toBe('RELEASED');
    expect(await driver.balance()).toBe(500);
  });

  it('did not release gives the money back', async () => {
    const driver = await givenDriver(stack, operator);
    server.outcome = 'NOT_RELEASED';
    await driver.settle();
    await driver.untilState('REFUNDED');
    expect(await driver.balance()).toBe(1_000);
  });
});

describe('a driver who is let out late', () => {
  it('has as long to leave from then as from the end of the quote; a word after the exit is kept, not obeyed', async () => {
    const driver = await givenDriver(stack, operator);
    const reference = await driver.settleUnanswered(server);
    // Ten minutes to leave, and all of it gone before the gate opens.
    await stack.pool.query(
      `update parking_quote set expires_at = now() - interval '20 minutes', exit_by = now() - interval '10 minutes'
      where quote_id = $1`,
      [driver.quoteId],
    );
    const path = `/v1/parking/settlements/${reference}/confirmations`;
    await operator.call('POST', path, { eventId: 'ev-1', outcome: 'RELEASED' });
    const { releasedAt = '', exitBy } = await driver.untilState('RELEASED');
    expect(Date.parse(exitBy) - Date.parse(releasedAt)).toBe(600_000);
    const paid = await findPaidForStay(stack.pool, operator.operatorId, driver.sessionId);
    expect(paid.exitByMs).toBe(Date.parse(exitBy));
    await driver.endStay();
    await driver.handle().signal('stayEnded');
    expect(await driver.handle().result()).toMatchObject({ state: 'EXITED' });

    await operator.call('POST', path, { eventId: 'ev-2', outcome: 'ALREADY_SETTLED' });
    expect((await answersOf(await driver.look(), operator)).at(-1)).toMatchObject({
      outcome: 'ALREADY_SETTLED',
      isObeyed: false,
      detail: 'it came after the end: EXITED',
    });
  });
});

describe('a driver who was let out', () => {
  /** Has a second to leave, once the server has said that the gate is open. */
  async function givenSecond() {
    const driver = await givenDriver(stack, operator);
    const reference = await driver.settleUnanswered(server);
    await stack.pool.query(
      `update parking_quote set expires_at = now(), exit_by = now() + interval '1 second' where quote_id = $1`,
      [driver.quoteId],
    );
    const open = () =>
      operator.call('POST', `/v1/parking/settlements/${reference}/confirmations`, {
        eventId: 'ev',
        outcome: 'RELEASED',
      });
    return { driver, open };
  }

  it.each(['before the gate is known to be open', 'to nobody'])(
    'and left in time is EXITED; the exit was told %s',
    async (told) => {
      const { driver, open } = await givenSecond();
      await driver.endStay();
      if (told !== 'to nobody') await driver.handle().signal('stayEnded');
      await open();
      expect(await driver.handle().result()).toMatchObject({ state: 'EXITED' });
      expect(await driver.balance()).toBe(500);
    },
  );

  it('and did not leave in time has OVERSTAYED, whatever was said of an exit, and a new quote asks for the difference', async () => {
    const { driver, open } = await givenSecond();
    await driver.handle().signal('stayEnded');
    await open();
    expect(await driver.handle().result()).toMatchObject({ state: 'OVERSTAYED' });
    expect(await driver.cancel()).toMatchObject({ status: 409 });

    server.heal();
    const quoteId = await driver.quote({ fee: 800, amount: 300 });
    const settlementId = uniqueId('park');
    expect(await driver.settle({ settlementId, quoteId })).toMatchObject({
      status: 200,
      body: { state: 'PAID', amount: 300 },
    });
    const second = () =>
      driver.call<SettlementView>('GET', `/v1/parking/settlements/${settlementId}`).then((it) => it.body);
    await until('the gate to open again', async () => (await second()).state === 'RELEASED');
    await driver.endStay();
    await stack.temporal.workflow
      .getHandle(parkingWorkflowId(driver.userId, settlementId))
      .signal('stayEnded');
    await until('the exit', async () => (await second()).state === 'EXITED');
    expect((await driver.look()).state).toBe('OVERSTAYED');
    expect(await driver.balance()).toBe(200);
  });
});

describe('a refund that fails', () => {
  it('leaves the settlement as it is, tells a person by a break, and no cancel goes on for ever', async () => {
    const driver = await givenDriver(stack, operator);
    const reference = await driver.settleUnanswered(server);
    // Given back another way: nothing is left of the payment.
    const merchantId = parkingMerchantId(operator.operatorId);
    const { key } = await createKey(stack.pool, { role: 'merchant', tenantId: merchantId, name: 'x' });
    const refund = { merchantRefundId: 'by-hand', amount: 500 };
    const given = await apiClient(stack.baseUrl, key)('POST', `/v1/payments/${reference}/refunds`, refund);
    expect(given.body.status).toBe('COMPLETED');
    const path = `/v1/parking/settlements/${reference}/confirmations`;
    await operator.call('POST', path, { eventId: 'ev', outcome: 'NOT_RELEASED' });
    expect(await driver.handle().result()).toMatchObject({
      state: 'RELEASE_REQUESTED',
      refund: { status: 'FAILED', reason: 'NOT_RELEASED' },
    });
    expect(await openBreaks(stack.pool, merchantId)).toEqual([`ISSUER unknown_outcome parking:${reference}`]);
    expect(await driver.cancel()).toMatchObject({ status: 409, body: { code: 'CONFLICT_STATE' } });
    expect(await driver.balance()).toBe(1_000);
  });
});

describe('a driver at the wrong space', () => {
  it('gets the money back when the server had not released yet, and once only', async () => {
    const driver = await givenDriver(stack, operator);
    const reference = await driver.settleUnanswered(server);
    const [one, two] = await Promise.all([driver.cancel(), driver.cancel()]);
    expect([one.status, two.status]).toEqual([200, 200]);
    expect(one.body).toMatchObject({ state: 'REFUNDED', refund: { reason: 'CANCELED' } });
    expect((await driver.cancel()).status).toBe(200);
    expect(await driver.balance()).toBe(1_000);
    expect(server.opened).not.toContain(reference);
  });

  it('hears that it is too late once the server has released', async () => {
    const driver = await givenDriver(stack, operator);
    await driver.settle();
    await driver.untilState('RELEASED');
    expect(await driver.cancel()).toMatchObject({ status: 409, body: { code: 'CONFLICT_STATE' } });
    expect(await driver.balance()).toBe(500);
  });
});

describe('an operator without a server', () => {
  it('hears of no cancel that comes after three minutes', async () => {
    const driver = await givenDriver(stack, unattended);
    await driver.settle();
    await driver.untilAwaiting();
    await stack.pool.query(
      `update parking_settlement set paid_at = paid_at - interval '3 minutes' where settlement_id = $1`,
      [driver.settlementId],
    );
    // A step that takes over what the books have now.
    await driver.handle().signal('confirmRelease', 'nonsense');
    await until('the step', async () => (await answersOf(await driver.look(), unattended)).length === 1);
    expect(await driver.cancel()).toMatchObject({ status: 409, body: { code: 'CONFLICT_STATE' } });
    expect((await driver.look()).cancelRequestedAt).toBeUndefined();
    expect(await driver.balance()).toBe(500);
  });

  it('is asked at once; a wrong amount and nonsense are kept and not obeyed, the first good word is, a second is not', async () => {
    const driver = await givenDriver(stack, unattended);
    const paid = await driver.settle();
    expect(paid.body.state).toBe('PAID');
    await driver.untilAwaiting();
    expect((await driver.look()).state).toBe('AWAITING_OPERATOR');
    const good = { operator: 'Test', outcome: 'RELEASED', amount: 500, reason: 'seen on camera' } as const;
    await driver.handle().signal(confirmRelease, { ...good, outcome: 'NOT_RELEASED', amount: 50 });
    await driver.handle().signal('confirmRelease', 'nonsense');
    await driver.handle().signal(confirmRelease, good);
    const ended = await driver.untilState('RELEASED');
    expect(ended.releasedBy).toBe('OPERATOR');
    expect(await driver.handle().result()).toMatchObject({ state: 'RELEASED' });
    const answers = await answersOf(ended, unattended);
    expect(answers).toHaveLength(3);
    expect(answers.filter((it) => it.isObeyed === true)).toMatchObject([{ outcome: 'RELEASED' }]);
    expect(answers.map((it) => it.detail).join()).toContain('amount is 50, the settlement is of 500');
    expect(await driver.balance()).toBe(500);
    const { typedSearchAttributes } = await driver.handle().describe();
    expect(typedSearchAttributes.get(AWAITING_OPERATOR)).toBe(false);
  });

  it('that did not release gives the money back, at once', async () => {
    const driver = await givenDriver(stack, unattended);
    await driver.settle();
    await driver.untilAwaiting();
    await driver.handle().signal(confirmRelease, { operator: 'Test', outcome: 'NOT_RELEASED', amount: 500 });
    await driver.untilState('REFUNDED');
    expect(await driver.balance()).toBe(1_000);
  });

  it('is told that the driver wants the money back, and decides; an early word is kept, not obeyed', async () => {
    const driver = await givenDriver(stack, unattended);
    await driver.settle();
    await driver.untilAwaiting();
    const canceling = driver.cancel();
    await until('the wish', async () => (await driver.look()).cancelRequestedAt !== undefined);
    expect(await driver.balance()).toBe(500);
    await driver.handle().signal(confirmRelease, { operator: 'Test', outcome: 'NOT_RELEASED', amount: 500 });
    expect(await canceling).toMatchObject({ status: 200, body: { state: 'REFUNDED' } });
    expect(await driver.balance()).toBe(1_000);

    const early = await givenDriver(stack, operator);
    const reference = await early.settleUnanswered(server);
    const word = { operator: 'Test', outcome: 'NOT_RELEASED', amount: 500 } as const;
    await early.handle().signal(confirmRelease, word);
    await until('the word to be kept', async () => {
      return (await answersOf(await early.look(), operator)).some((it) => it.isObeyed === false);
    });
    const path = `/v1/parking/settlements/${reference}/confirmations`;
    await operator.call('POST', path, { eventId: 'e', outcome: 'RELEASED' });
    await early.untilState('RELEASED');
    expect(await early.balance()).toBe(500);
  });

  it('costs few events: a decision in one workflow task, and a settlement to its end', async () => {
    const declined = await givenDriver(stack, operator, { balance: 1 });
    await declined.settle();
    await declined.handle().result();
    expect((await declined.handle().fetchHistory()).events).toHaveLength(6);
    const driver = await givenDriver(stack, operator);
    await driver.settle();
    await driver.untilState('RELEASED');
    await driver.endStay();
    await driver.handle().signal('stayEnded');
    await driver.handle().result();
    const { events = [] } = await driver.handle().fetchHistory();
    expect(events?.length).toBeLessThanOrEqual(40);
    expect(JSON.stringify(events)).not.toContain(driver.deviceToken);
  });
});
