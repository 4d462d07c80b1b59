import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertDefined } from '../../domain/assert.ts';
import { paymentWorkflowId, resolveDispute } from '../../workflows/payment/contract.ts';
import { AWAITING_OPERATOR } from '../../workflows/search-attributes.ts';
import { openEventStream } from '../support/event-stream.ts';
import { givenMerchant, givenPayer, pay, type GivenMerchant } from '../support/givens.ts';
import {
  givenAnotherPhone,
  givenOfflinePhone,
  type JournalAnswer,
  lastStep,
  startOf,
  stepNow,
} from '../support/offline.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let merchant: GivenMerchant;

beforeAll(async () => {
  stack = await startStack();
  merchant = await givenMerchant(stack);
});
afterAll(() => stopWithSoundLedger(stack));

/** An offline payment with the code of the step before this one, whose time is over. */
async function givenOfflinePayment(balance = 10_000) {
  const payer = await givenPayer(stack, { balance });
  const phone = await givenOfflinePhone(payer);
  const step = await lastStep();
  const { body } = await pay(merchant, { code: await phone.code(step), amount: 700 });
  expect(body).toMatchObject({ status: 'COMPLETED', reconciliation: 'PENDING' });
  return { payer, phone, step, payment: body };
}

function handleOf(merchantPaymentId: string) {
  return stack.temporal.workflow.getHandle(paymentWorkflowId(merchant.merchantId, merchantPaymentId));
}

async function untilAwaiting(handle: ReturnType<typeof handleOf>): Promise<void> {
  await until('to be found by operators', async () => {
    const { typedSearchAttributes } = await handle.describe();
    return typedSearchAttributes.get(AWAITING_OPERATOR) === true;
  });
}

async function reconciliationOf(merchantPaymentId: string): Promise<unknown> {
  return (await merchant.call('GET', `/v1/payments/${merchantPaymentId}`)).body.reconciliation;
}

describe("a phone's journal", () => {
  it('confirms the payment it names; the phone gets its receipt, the workflow ends within 14 events', async () => {
    const { payer, phone, step, payment } = await givenOfflinePayment();
    const stream = await openEventStream(stack.baseUrl, payer.deviceToken, '0');
    const answer = await phone.journal({ steps: [step], fromStep: step, toStep: step });
    expect(answer.status).toBe(200);
    expect(answer.body.results).toEqual([
      {
        entryId: `shown-${step}`,
        outcome: 'MATCHED',
        payment: { ...payment, reconciliation: 'MATCHED' },
      },
    ]);
    const handle = handleOf(payment.merchantPaymentId);
    expect(await handle.result()).toMatchObject({ status: 'COMPLETED', reconciliation: 'MATCHED' });
    const { events } = await handle.fetchHistory();
    expect(events?.length).toBeLessThanOrEqual(14);
    expect(await reconciliationOf(payment.merchantPaymentId)).toBe('MATCHED');
    await until('the receipt', () => stream.events.some((it) => it.event === 'payment.matched'));
    stream.close();
  });

  it('that covers the time of a payment without naming it disputes it and revokes the key at once', async () => {
    const { payer, phone, step, payment } = await givenOfflinePayment();
    await phone.journal({ steps: [], fromStep: step, toStep: step });
    expect(await reconciliationOf(payment.merchantPaymentId)).toBe('DISPUTED');
    const next = await pay(merchant, { code: await phone.code(stepNow() + 1), amount: 300 });
    expect(next.body.declineCode).toBe('OFFLINE_KEY_STALE');
    const handle = handleOf(payment.merchantPaymentId);
    await untilAwaiting(handle);
    // What is no word is shown, not obeyed.
    await handle.signal('resolveDispute', { operator: 'mei', action: 'GIVE', reason: 'x' });
    await handle.signal(resolveDispute, {
      operator: 'mei',
      action: 'REFUND',
      reason: 'phone was in a drawer',
    });
    // The first good word counts.
    await handle
      .signal(resolveDispute, { operator: 'bo', action: 'ACCEPT', reason: 'late' })
      .catch(() => undefined);
    expect(await handle.result()).toMatchObject({
      status: 'REFUNDED',
      refundedAmount: 700,
      reconciliation: 'RESOLVED',
    });
    expect(await payer.balance()).toBe(10_000);
    // The merchant keeps its money: nothing left for it to refund or cancel.
    const cancel = await merchant.call('POST', `/v1/payments/${payment.merchantPaymentId}/cancel`, {});
    expect(cancel.status).toBe(409);
  });

  it('that an operator accepts after a dispute leaves the money where it is', async () => {
    const { payer, phone, step, payment } = await givenOfflinePayment();
    await phone.journal({ steps: [], fromStep: step - 3, toStep: step });
    const handle = handleOf(payment.merchantPaymentId);
    await untilAwaiting(handle);
    await handle.signal(resolveDispute, { operator: 'mei', action: 'ACCEPT', reason: 'user remembered' });
    expect(await handle.result()).toMatchObject({
      status: 'COMPLETED',
      refundedAmount: 0,
      reconciliation: 'RESOLVED',
    });
    expect(await payer.balance()).toBe(9_300);
  });

  it('that covers only a part of the step says nothing about it', async () => {
    const { phone, step, payment } = await givenOfflinePayment();
    const covered = [
      [startOf(step - 9), new Date(Date.parse(startOf(step + 1)) - 1).toISOString()],
      [new Date(Date.parse(startOf(step)) + 1).toISOString(), startOf(step + 1)],
    ];
    for (const [coversFrom, coversTo] of covered) {
      const answer = await phone.call('POST', '/v1/journals', { entries: [], coversFrom, coversTo });
      expect(answer.status).toBe(200);
    }
    expect(await reconciliationOf(payment.merchantPaymentId)).toBe('PENDING');
  });

  it('out of order, overlapping and repeated confirms once and disputes nothing', async () => {
    const { payer, phone, step, payment } = await givenOfflinePayment();
    const second = await pay(merchant, { code: await phone.code(step + 1), amount: 800 });
    const later = { steps: [step + 1], fromStep: step + 1, toStep: step + 1 };
    const earlier = { steps: [step], fromStep: step - 5, toStep: step };
    const both = { steps: [step, step + 1], fromStep: step - 5, toStep: step + 1 };
    const said = [];
    for (const it of [later, earlier, earlier, both, both]) {
      said.push((await phone.journal(it)).body.results.map((result) => result.outcome));
    }
    expect(said).toEqual([
      ['MATCHED'],
      ['MATCHED'],
      ['MATCHED'],
      ['MATCHED', 'MATCHED'],
      ['MATCHED', 'MATCHED'],
    ]);
    for (const { merchantPaymentId } of [payment, second.body]) {
      expect(await handleOf(merchantPaymentId).result()).toMatchObject({ reconciliation: 'MATCHED' });
    }
    const told = await stack.pool.query<{ count: number }>(
      `select count(*) from user_event where user_id = $1 and kind = 'payment.matched'`,
      [payer.userId],
    );
    expect(told.rows[0]?.count).toBe(2);
  });

  it('says what became of a code that was shown and not paid with, or may still be', async () => {
    const { phone } = { phone: await givenOfflinePhone(await givenPayer(stack, { balance: 100 })) };
    const step = stepNow();
    await pay(merchant, { code: await phone.code(step), amount: 500 });
    const answer = await phone.journal({
      steps: [step - 5, step, step + 1],
      fromStep: step - 5,
      toStep: step,
    });
    expect(answer.body.results.map((it) => it.outcome)).toEqual(['NOT_USED', 'NOT_USED', 'PENDING']);
    expect(answer.body.results[1]?.payment).toMatchObject({ status: 'DECLINED' });
  });

  it('with bad entries has its good ones answered', async () => {
    const { phone, step } = await givenOfflinePayment();
    const stranger = await givenOfflinePhone(await givenPayer(stack));
    const good = {
      entryId: 'good',
      code: await phone.code(step),
      displayedAt: startOf(step),
      clockOffsetMs: 0,
    };
    const answer = await phone.call<JournalAnswer>('POST', '/v1/journals', {
      entries: [
        null,
        7,
        { entryId: 'nothing' },
        { ...good, entryId: 'luhn', code: '999901212345678901234560' },
        { ...good, entryId: "another's", code: await stranger.code(step) },
        { ...good, entryId: 'strangers', code: await stranger.code(step) },
        { ...good, entryId: 'when', displayedAt: 'yesterday' },
        { ...good, entryId: 'offset', clockOffsetMs: 1.5 },
        { ...good, entryId: 'more', extra: true },
        good,
      ],
      coversFrom: startOf(step),
      coversTo: startOf(step + 1),
    });
    expect(answer.body.results.map((it) => it.outcome)).toEqual([
      ...Array<string>(9).fill('INVALID'),
      'MATCHED',
    ]);
  });

  it('whose entry id comes with another code is not believed', async () => {
    const { phone, step, payment } = await givenOfflinePayment();
    const entry = async (of: number) => ({
      entryId: 'one',
      code: await phone.code(of),
      displayedAt: startOf(of),
      clockOffsetMs: 0,
    });
    const send = async (of: number) =>
      phone.call<JournalAnswer>('POST', '/v1/journals', {
        entries: [await entry(of)],
        coversFrom: startOf(step - 20),
        coversTo: startOf(step - 19),
      });
    expect((await send(step - 15)).body.results[0]?.outcome).toBe('NOT_USED');
    expect((await send(step)).body.results[0]?.outcome).toBe('INVALID');
    expect(await reconciliationOf(payment.merchantPaymentId)).toBe('PENDING');
  });

  it('of a phone with a wrong clock covers nothing that has not happened yet', async () => {
    const { phone } = await givenOfflinePayment();
    const far = new Date(Date.now() + 10 * 365 * 86_400_000).toISOString();
    const answer = await phone.call('POST', '/v1/journals', {
      entries: [],
      coversFrom: new Date(Date.now() + 60_000).toISOString(),
      coversTo: far,
    });
    expect(answer.status).toBe(200);
    const next = await pay(merchant, { code: await phone.code(stepNow() + 1), amount: 300 });
    expect(next.body).toMatchObject({ status: 'COMPLETED', reconciliation: 'PENDING' });
    await phone.journal({ steps: [], fromStep: stepNow() + 20, toStep: stepNow() + 30 });
    expect(await reconciliationOf(next.body.merchantPaymentId)).toBe('PENDING');
  });

  it('speaks of its own phone alone, also when that was replaced', async () => {
    const { payer, phone, step, payment } = await givenOfflinePayment();
    const other = await givenAnotherPhone(stack, payer);
    await other.journal({ steps: [], fromStep: step, toStep: step });
    expect(await reconciliationOf(payment.merchantPaymentId)).toBe('PENDING');
    const admin = await stack.pool.query(
      `update offline_key set revoked_at = now(), revoke_reason = 'REPLACED_DEVICE' where handle = $1`,
      [phone.handle],
    );
    expect(admin.rowCount).toBe(1);
    const late = await phone.journal({ steps: [step], fromStep: step, toStep: step });
    expect(late.body.results[0]?.outcome).toBe('MATCHED');
  });

  it('with a bad field in the entry of a payment neither confirms nor disputes it', async () => {
    const { phone, step, payment } = await givenOfflinePayment();
    const entry = {
      entryId: 'one',
      code: await phone.code(step),
      displayedAt: startOf(step),
      clockOffsetMs: 0,
    };
    for (const bad of [
      { clockOffsetMs: -119.5 },
      { extra: true },
      { displayedAt: 'now' },
      { displayedAt: '9999-12-31T23:59:59Z' },
      { entryId: 'it"s' },
    ]) {
      const answer = await phone.call<JournalAnswer>('POST', '/v1/journals', {
        entries: [{ ...entry, ...bad }],
        coversFrom: startOf(step),
        coversTo: startOf(step + 1),
      });
      expect(answer.body.results.map((it) => it.outcome)).toEqual(['INVALID']);
    }
    // What cannot be read may have been it.
    await phone.call('POST', '/v1/journals', {
      entries: [{ ...entry, code: 'smudged' }],
      coversFrom: startOf(step),
      coversTo: startOf(step + 1),
    });
    expect(await reconciliationOf(payment.merchantPaymentId)).toBe('PENDING');
  });

  it.each([
    ['with its entry confirms it', true, 'MATCHED'],
    ['without its entry disputes it', false, 'DISPUTED'],
  ] as const)('that is there before the decision %s', async (_title, hasEntry, reconciliation) => {
    const payer = await givenPayer(stack, { balance: 10_000 });
    const phone = await givenOfflinePhone(payer);
    const step = await lastStep();
    const steps = hasEntry ? [step] : [];
    expect((await phone.journal({ steps, fromStep: step, toStep: step })).status).toBe(200);
    const { body } = await pay(merchant, { code: await phone.code(step), amount: 700 });
    expect(body).toMatchObject({ status: 'COMPLETED', reconciliation: 'PENDING' });
    expect(await reconciliationOf(body.merchantPaymentId)).toBe(reconciliation);
    const handle = handleOf(body.merchantPaymentId);
    if (hasEntry) expect(await handle.result()).toMatchObject({ reconciliation });
    else await untilAwaiting(handle);
  });

  it("whose dispute an operator answers touches that payment alone, whatever else the signal's object says", async () => {
    const [one, other] = [await givenOfflinePayment(), await givenOfflinePayment()];
    for (const { phone, step } of [one, other])
      await phone.journal({ steps: [], fromStep: step, toStep: step });
    const handle = handleOf(one.payment.merchantPaymentId);
    // A word that came before anybody asked is not kept, and one with zeros in it is none.
    await untilAwaiting(handle);
    await handle.signal('resolveDispute', { operator: 'mei', action: 'ACCEPT', reason: 'a\u0000b' });
    await handle.signal('resolveDispute', {
      operator: 'mei',
      action: 'REFUND',
      reason: 'stolen',
      merchantPaymentId: other.payment.merchantPaymentId,
    });
    expect(await handle.result()).toMatchObject({ status: 'REFUNDED', reconciliation: 'RESOLVED' });
    expect(await reconciliationOf(other.payment.merchantPaymentId)).toBe('DISPUTED');
  });

  it('whose times make no sense is refused, with nothing written', async () => {
    const { phone } = await givenOfflinePayment();
    const answer = await phone.call<{ errors: { pointer: string }[] }>('POST', '/v1/journals', {
      entries: [],
      coversFrom: startOf(10),
      coversTo: startOf(9),
    });
    expect(answer.status).toBe(400);
    const bad = await phone.call<{ errors: { pointer: string }[] }>('POST', '/v1/journals', {
      entries: 'all',
      coversFrom: 'now',
    });
    expect(
      assertDefined(bad.body.errors)
        .map((it) => it.pointer)
        .sort(),
    ).toEqual(['/coversFrom', '/coversTo', '/entries']);
    const kept = await stack.pool.query('select 1 from journal where device_id = $1', [phone.deviceId]);
    expect(kept.rowCount).toBe(0);
  });
});
