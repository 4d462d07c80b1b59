import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { putMerchant } from '../../db/merchant.ts';
import { resolveBreak } from '../../db/reconciliation-break.ts';
import { daysToCompare, daysWithOrphans } from '../../db/reconciliation-days.ts';
import { assertDefined } from '../../domain/assert.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { forge, testBooks, type TestBooks } from '../support/books.ts';
import { uniqueId } from '../support/givens.ts';
import { breaksOf, compareDay, giveFile, openBreaks } from '../support/reconcile.ts';

const DAY = '2025-06-10';
const NEXT = '2025-06-11';
const NOON = '2025-06-10T03:00:00.000Z';
const NOON_AFTER = '2025-06-11T03:00:00.000Z';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

async function givenShop(): Promise<{ merchantId: string; books: TestBooks }> {
  const merchantId = uniqueId('m');
  const zone = { name: 'Shop', timeZone: 'Asia/Tokyo', currency: 'JPY', webhookUrl: null };
  await putMerchant(database.pool, { merchantId, ...zone, stores: [] });
  return { merchantId, books: await testBooks(database.pool, merchantId) };
}

describe('our books against the ledger', () => {
  it('agree after payments, cancels and refunds, also on the days around', async () => {
    const { merchantId, books } = await givenShop();
    const payment = await books.pay(NOON, 500);
    await books.cancel(await books.pay('2025-06-10T14:59:59.999Z', 700), '2025-06-10T15:05:00.000Z');
    await books.refund(payment, NOON_AFTER, 200);
    await books.refund(payment, NOON_AFTER, 300);
    await books.refund(await books.pay(NOON, 40), NOON_AFTER, 40, 'DISPUTE');
    for (const day of ['2025-06-09', DAY, NEXT])
      expect(await compareDay(database.pool, merchantId, day)).toEqual({ opened: 0, resolved: 0 });
  });

  it('show what is missing, doubled, changed, late or between other accounts, the same however often', async () => {
    const { merchantId, books } = await givenShop();
    const account = `merchant:${merchantId}:JPY`;
    const [lost, changed, late, elsewhere, orphan] = await Promise.all(
      [100, 200, 300, 400, 500].map((amount) => books.pay(NOON, amount)),
    );
    const idOf = (it: typeof lost): string => it?.paymentId ?? '';
    const refunded = await books.pay(NOON, 600);
    const refundId = await books.refund(refunded, NOON, 100);
    await forge(
      database.pool,
      `delete from entry where transfer_id = 'payment:${idOf(lost)}';
       delete from transfer where transfer_id = 'payment:${idOf(lost)}';
       update entry set amount = amount + sign(amount) where transfer_id = 'payment:${idOf(changed)}';
       update entry set posted_at = posted_at + interval '1 day' where transfer_id = 'payment:${idOf(late)}';
       update entry set account_id = 'system:funding:JPY' where transfer_id = 'payment:${idOf(elsewhere)}' and account_id <> '${account}';
       delete from payment where payment_id = '${idOf(orphan)}';
       delete from refund where refund_id = '${refundId}'`,
    );
    const expected = [
      `LEDGER missing_theirs payment:${idOf(lost)}`,
      `LEDGER amount_differs payment:${idOf(changed)}`,
      `LEDGER late payment:${idOf(late)}`,
      `LEDGER amount_differs payment:${idOf(elsewhere)}`,
      `LEDGER missing_ours payment:${idOf(orphan)}`,
      `LEDGER missing_ours refund:${refundId}`,
    ].sort();
    expect(await compareDay(database.pool, merchantId, DAY)).toEqual({ opened: 6, resolved: 0 });
    expect((await openBreaks(database.pool, merchantId)).sort()).toEqual(expected);
    // The late one's entry is on the day after, where nothing is missing.
    expect(await compareDay(database.pool, merchantId, NEXT)).toEqual({ opened: 0, resolved: 0 });
    const before = await breaksOf(database.pool, merchantId);
    expect(await compareDay(database.pool, merchantId, DAY)).toEqual({ opened: 0, resolved: 0 });
    expect(await breaksOf(database.pool, merchantId)).toEqual(before);
    expect(JSON.stringify(before)).not.toContain(books.userId);
  });
});

describe("our books against the merchant's file", () => {
  it('say nothing without a file, and everything with an empty one', async () => {
    const { merchantId, books } = await givenShop();
    const payment = await books.pay(NOON, 500);
    expect(await compareDay(database.pool, merchantId, DAY)).toMatchObject({ opened: 0 });
    await giveFile(database.pool, merchantId, DAY, []);
    expect(await compareDay(database.pool, merchantId, DAY)).toMatchObject({ opened: 1 });
    expect(await openBreaks(database.pool, merchantId)).toEqual([
      `MERCHANT_FILE missing_theirs PAYMENT ${payment.merchantPaymentId}`,
    ]);
  });

  it('sum several refunds of a payment, as a file without their ids must', async () => {
    const { merchantId, books } = await givenShop();
    const payment = await books.pay(NOON, 500, { merchantPaymentId: 'o1' });
    await books.refund(payment, NOON, 100);
    await books.refund(payment, NOON, 150);
    await giveFile(database.pool, merchantId, DAY, [
      ['PAYMENT', 'o1', 500],
      ['REFUND', 'o1', -250],
    ]);
    expect(await compareDay(database.pool, merchantId, DAY)).toMatchObject({ opened: 0 });
    await giveFile(database.pool, merchantId, DAY, [
      ['PAYMENT', 'o1', 500],
      ['REFUND', 'o1', -100],
    ]);
    await compareDay(database.pool, merchantId, DAY);
    expect(await breaksOf(database.pool, merchantId)).toMatchObject([
      { class: 'amount_differs', reference: 'REFUND o1', ours: -250, theirs: -100 },
    ]);
  });

  it('turn missing into late when the next day’s file has it, on the day of ours alone', async () => {
    const { merchantId, books } = await givenShop();
    await books.pay('2025-06-10T14:59:59.999Z', 500, { merchantPaymentId: 'midnight' });
    await giveFile(database.pool, merchantId, DAY, []);
    await compareDay(database.pool, merchantId, DAY);
    expect(await openBreaks(database.pool, merchantId)).toEqual([
      'MERCHANT_FILE missing_theirs PAYMENT midnight',
    ]);
    await giveFile(database.pool, merchantId, NEXT, [['PAYMENT', 'midnight', 500]]);
    expect(await compareDay(database.pool, merchantId, NEXT)).toEqual({ opened: 0, resolved: 0 });
    expect(await compareDay(database.pool, merchantId, DAY)).toEqual({ opened: 1, resolved: 1 });
    expect(await breaksOf(database.pool, merchantId)).toMatchObject([
      { class: 'late', ours: 500, theirs: 500, resolver: null },
      { class: 'missing_theirs', resolver: 'reconciliation', resolution: 'it is late now' },
    ]);
  });

  it('resolve what a better file puts right, and open it again when it is back', async () => {
    const { merchantId, books } = await givenShop();
    await books.pay(NOON, 500, { merchantPaymentId: 'o1' });
    const wrong = [['PAYMENT', 'o1', 400]] as const;
    await giveFile(database.pool, merchantId, DAY, wrong);
    await compareDay(database.pool, merchantId, DAY);
    await giveFile(database.pool, merchantId, DAY, [['PAYMENT', 'o1', 500]]);
    expect(await compareDay(database.pool, merchantId, DAY)).toEqual({ opened: 0, resolved: 1 });
    expect(await breaksOf(database.pool, merchantId)).toMatchObject([
      { resolver: 'reconciliation', resolution: 'both sides agree now' },
    ]);
    await giveFile(database.pool, merchantId, DAY, wrong);
    expect(await compareDay(database.pool, merchantId, DAY)).toEqual({ opened: 1, resolved: 0 });
    expect(await openBreaks(database.pool, merchantId)).toHaveLength(1);
  });

  it('leave what a person resolved, unless the amounts are others now', async () => {
    const { merchantId, books } = await givenShop();
    await books.pay(NOON, 500, { merchantPaymentId: 'o1' });
    await giveFile(database.pool, merchantId, DAY, [['PAYMENT', 'o1', 400]]);
    await compareDay(database.pool, merchantId, DAY);
    const { rows } = await database.pool.query<{ id: string }>(
      'select break_id as id from reconciliation_break where merchant_id = $1',
      [merchantId],
    );
    const words = {
      breakId: rows[0]?.id ?? '',
      resolver: 'operator-7',
      reason: 'a discount',
      now: new Date(),
    };
    expect(await resolveBreak(database.pool, words)).toMatchObject({ kind: 'resolved' });
    expect(await compareDay(database.pool, merchantId, DAY)).toEqual({ opened: 0, resolved: 0 });
    expect(await openBreaks(database.pool, merchantId)).toEqual([]);
    await giveFile(database.pool, merchantId, DAY, [['PAYMENT', 'o1', 300]]);
    expect(await compareDay(database.pool, merchantId, DAY)).toEqual({ opened: 1, resolved: 0 });
    expect(await breaksOf(database.pool, merchantId)).toMatchObject([
      {
        resolver: null,
        theirs: 300,
        before: expect.stringContaining('resolved by operator-7: a discount') as string,
      },
    ]);
  });

  it('are read a page at a time: 25,000 payments, 26 pages a side', async () => {
    const { merchantId } = await givenShop();
    await forge(
      database.pool,
      `insert into payment (payment_id, merchant_id, merchant_payment_id, status, amount, currency, code_mode, funding_source,
                            payer_id, transfer_id, policy_version, requested_at, decided_at)
       select 'pay_${merchantId}_' || i, '${merchantId}', 'p' || i, 'COMPLETED', i, 'JPY', 'ONLINE', 'BALANCE', 'u',
              'payment:pay_${merchantId}_' || i, 'v', '${NOON}', '${NOON}' from generate_series(1, 25000) i;
       insert into transfer (transfer_id, kind, currency, posted_at)
       select 'payment:pay_${merchantId}_' || i, 'PAYMENT', 'JPY', '${NOON}' from generate_series(1, 25000) i;
       insert into entry (transfer_id, account_id, amount, posted_at)
       select 'payment:pay_${merchantId}_' || i, a, s * i, '${NOON}' from generate_series(1, 25000) i,
              (values ('user:u:JPY', -1), ('merchant:${merchantId}:JPY', 1)) as v(a, s)`,
    );
    const lines = Array.from({ length: 25_000 }, (_, i) => ['PAYMENT', `p${i + 1}`, i + 1] as const);
    await giveFile(database.pool, merchantId, DAY, [...lines.slice(0, -1), ['PAYMENT', 'p25001', 1]]);
    let pages = 0;
    const found = await compareDay(database.pool, merchantId, DAY, () => (pages += 1));
    expect(found).toEqual({ opened: 2, resolved: 0 });
    expect(pages).toBe(25 + 26);
    expect(await openBreaks(database.pool, merchantId)).toEqual([
      'MERCHANT_FILE missing_theirs PAYMENT p25000',
      'MERCHANT_FILE missing_ours PAYMENT p25001',
    ]);
  });
});

describe("our offline payments against the phones' journals", () => {
  it('are missing there when disputed, late when unconfirmed, and in order when an operator or a journal said so', async () => {
    const { merchantId, books } = await givenShop();
    const [disputed, unconfirmed, matched, pending] = await Promise.all(
      [1, 2, 3, 4].map((it) => books.pay(NOON, it)),
    );
    for (const [payment, state] of [
      [disputed, 'DISPUTED'],
      [unconfirmed, 'UNCONFIRMED'],
      [matched, 'MATCHED'],
      [pending, 'PENDING'],
    ] as const)
      if (payment !== undefined) await books.offline(payment, state, NOON_AFTER);
    expect(await compareDay(database.pool, merchantId, DAY)).toEqual({ opened: 2, resolved: 0 });
    expect((await openBreaks(database.pool, merchantId)).sort()).toEqual([
      `DEVICE_JOURNAL late PAYMENT ${unconfirmed?.merchantPaymentId ?? ''}`,
      `DEVICE_JOURNAL missing_theirs PAYMENT ${disputed?.merchantPaymentId ?? ''}`,
    ]);
    if (disputed !== undefined) await books.offline(disputed, 'RESOLVED', NOON_AFTER);
    if (unconfirmed !== undefined) await books.offline(unconfirmed, 'MATCHED', NOON_AFTER);
    expect(await compareDay(database.pool, merchantId, DAY)).toEqual({ opened: 0, resolved: 2 });
    expect((await breaksOf(database.pool, merchantId)).map((it) => it.resolution).sort()).toEqual([
      'the payment is MATCHED now',
      'the payment is RESOLVED now',
    ]);
  });
});

describe('payments that nobody waits for any more', () => {
  const DAY_MS = 86_400_000;
  const set = (payment: { paymentId: string }, changes: string) =>
    database.pool.query(`update payment set ${changes} where payment_id = $1`, [payment.paymentId]);
  const heard = (payment: { merchantPaymentId: string; merchantId: string }, step: string, outcome: string) =>
    database.pool.query(
      `insert into issuer_attempt (issuer_id, operation_key, operation, url, started_at, duration_ms, outcome)
       values ('lender', $1, 'LOOK_UP', '', now(), 1, $2)`,
      [`payment:${payment.merchantId}:${payment.merchantPaymentId}:${step}`, outcome],
    );
  const issuerBreaks = async (merchantId: string) =>
    (await openBreaks(database.pool, merchantId)).filter((it) => it.startsWith('ISSUER'));

  it('offline and still PENDING a day after the deadline are late, until a journal or a person has spoken', async () => {
    const { merchantId, books } = await givenShop();
    const [overdue, waiting] = [await books.pay(NOON, 500), await books.pay(NOON, 501)];
    for (const payment of [overdue, waiting]) await books.offline(payment, 'PENDING', NOON_AFTER);
    await set(overdue, `reconcile_until = '2025-06-17T03:00:00Z'`);
    await set(waiting, `reconcile_until = now() - interval '23 hours'`);
    expect(await compareDay(database.pool, merchantId, DAY)).toEqual({ opened: 1, resolved: 0 });
    expect(await openBreaks(database.pool, merchantId)).toEqual([
      `DEVICE_JOURNAL late PAYMENT ${overdue.merchantPaymentId}`,
    ]);
    await books.offline(overdue, 'MATCHED', new Date().toISOString());
    expect(await compareDay(database.pool, merchantId, DAY)).toEqual({ opened: 0, resolved: 1 });
    expect(await breaksOf(database.pool, merchantId)).toMatchObject([
      { resolution: 'the payment is MATCHED now' },
    ]);
  });

  it('on credit are missing at the issuer until it is heard that it has done what their end needs', async () => {
    const { merchantId, books } = await givenShop();
    const ends = ['paid', 'canceled', 'declined', 'refused', 'open', 'handed over'] as const;
    const payments = await Promise.all(ends.map((_, i) => books.pay(NOON, 100 + i)));
    const of = (end: (typeof ends)[number]) => assertDefined(payments[ends.indexOf(end)]);
    for (const payment of payments) await set(payment, `issuer_id = 'lender', account_ref = 'r'`);
    await set(of('canceled'), `status = 'CANCELED', canceled_at = decided_at`);
    for (const end of ['declined', 'refused'] as const)
      await set(of(end), `status = 'DECLINED', decline_code = 'CREDIT_DECLINED'`);
    for (const end of ['open', 'handed over'] as const)
      await set(of(end), `status = 'IN_PROGRESS', decided_at = null`);
    await heard(of('refused'), 'authorise', 'REFUSED');
    await heard(of('declined'), 'authorise', 'UNKNOWN');
    await database.pool.query(`select payment_break($1, 'unknown_outcome', 'ISSUER', 'key', 'x', now())`, [
      of('handed over').paymentId,
    ]);
    await compareDay(database.pool, merchantId, DAY);
    const missing = (['canceled', 'declined', 'open', 'paid'] as const).map(
      (end) => `ISSUER missing_theirs PAYMENT ${of(end).merchantPaymentId}`,
    );
    const unknown = 'ISSUER unknown_outcome key';
    expect((await issuerBreaks(merchantId)).sort()).toEqual([...missing, unknown].sort());
    expect(await compareDay(database.pool, merchantId, DAY)).toMatchObject({ opened: 0, resolved: 0 });
    await heard(of('paid'), 'capture', 'DONE');
    await heard(of('canceled'), 'void', 'DONE');
    await heard(of('declined'), 'void', 'DONE');
    await set(of('open'), `status = 'COMPLETED', decided_at = now()`);
    expect(await compareDay(database.pool, merchantId, DAY)).toMatchObject({ resolved: 4 });
    expect(await issuerBreaks(merchantId)).toEqual([unknown]);
  });

  it('of refunds on credit, merchants’ and of disputes, are those that the issuer’s answers do not bear out', async () => {
    const { merchantId, books } = await givenShop();
    const ends = ['given', 'unconfirmed', 'failed', 'failed here', 'open', 'handed over', 'dispute'] as const;
    const made = await Promise.all(
      ends.map(async (end, i) => {
        const payment = await books.pay(NOON, 1_000 + i);
        await heard(payment, 'capture', 'DONE');
        await set(payment, `issuer_id = 'lender', account_ref = 'r'`);
        const kind = end === 'dispute' ? 'DISPUTE' : 'MERCHANT';
        return { payment, refundId: await books.refund(payment, NOON_AFTER, 100 + i, kind) };
      }),
    );
    const of = (end: (typeof ends)[number]) => assertDefined(made[ends.indexOf(end)]);
    const keyOf = (end: (typeof ends)[number]) => `refund:${merchantId}:r-${of(end).refundId}:refund`;
    const change = (end: (typeof ends)[number], changes: string) =>
      database.pool.query(`update refund set ${changes} where refund_id = $1`, [of(end).refundId]);
    const answered = (key: string, outcome: string) =>
      database.pool.query(
        `insert into issuer_attempt (issuer_id, operation_key, operation, url, started_at, duration_ms, outcome)
         values ('lender', $1, 'LOOK_UP', '', now(), 1, $2)`,
        [key, outcome],
      );
    for (const end of ['failed', 'failed here'] as const)
      await change(end, `status = 'FAILED', fail_code = 'REFUND_GIVEN_UP'`);
    for (const end of ['open', 'handed over'] as const)
      await change(end, `status = 'IN_PROGRESS', decided_at = null`);
    await answered(keyOf('given'), 'DONE');
    await answered(keyOf('unconfirmed'), 'UNKNOWN');
    await answered(keyOf('failed'), 'UNKNOWN');
    await answered(keyOf('failed here'), 'DONE');
    const handed = [of('handed over').refundId, keyOf('handed over')];
    await database.pool.query(
      `select refund_give_up(jsonb_build_object('refundId', $1::text, 'reference', $2::text, 'detail', 'x', 'openedAt', now()))`,
      handed,
    );
    const days = (at: string) => daysWithOrphans(database.pool, { merchantId, at });
    expect((await days(new Date().toISOString())).get(merchantId)).toEqual([NEXT]);
    expect((await days('2025-06-17T02:59:59Z')).get(merchantId)).toBeUndefined();
    await compareDay(database.pool, merchantId, NEXT);
    const unknown = `ISSUER unknown_outcome ${keyOf('handed over')}`;
    expect((await issuerBreaks(merchantId)).sort()).toEqual(
      [
        `ISSUER missing_ours REFUND r-${of('failed here').refundId}`,
        `ISSUER missing_theirs DISPUTE_REFUND ${of('dispute').payment.merchantPaymentId}`,
        `ISSUER missing_theirs REFUND r-${of('open').refundId}`,
        `ISSUER missing_theirs REFUND r-${of('unconfirmed').refundId}`,
        unknown,
      ].sort(),
    );
    const { merchantPaymentId } = of('dispute').payment;
    await answered(`payment:${merchantId}:${merchantPaymentId}:dispute-refund`, 'DONE');
    await answered(keyOf('unconfirmed'), 'DONE');
    await answered(keyOf('open'), 'DONE');
    await change('open', `status = 'COMPLETED', decided_at = now()`);
    await change('failed here', `status = 'COMPLETED', fail_code = null`);
    await compareDay(database.pool, merchantId, NEXT);
    expect(await issuerBreaks(merchantId)).toEqual([unknown]);
    const resolved = (await breaksOf(database.pool, merchantId)).filter(
      (it) => it.counterpart === 'ISSUER' && it.resolver !== null,
    );
    expect(new Set(resolved.map((it) => it.resolution))).toEqual(
      new Set([
        'the refund is COMPLETED now, and its issuer says the same',
        'its issuer has given it back, too',
      ]),
    );
  });

  it('have their days compared however long ago those are, and so have open breaks until they are old', async () => {
    const { merchantId, books } = await givenShop();
    const at = new Date().toISOString();
    const days = async (it = at) =>
      (await daysWithOrphans(database.pool, { merchantId, at: it })).get(merchantId);
    expect(await days()).toBeUndefined();
    const disputed = await books.pay('2025-03-03T03:00:00.000Z', 1);
    await books.offline(disputed, 'DISPUTED', NOON);
    const open = await books.pay('2025-04-04T03:00:00.000Z', 2);
    await set(open, `status = 'IN_PROGRESS', decided_at = null, issuer_id = 'lender'`);
    const overdue = await books.pay('2025-05-05T03:00:00.000Z', 3);
    await books.offline(overdue, 'PENDING', NOON);
    await set(overdue, `reconcile_until = '2025-05-12T03:00:00Z'`);
    expect(await days()).toEqual(['2025-03-03', '2025-04-04', '2025-05-05']);
    const also = await days();
    const asked = { merchantId, from: '2025-06-08', to: '2025-06-09', overBefore: at, onlyNews: true, also };
    expect((await daysToCompare(database.pool, asked)).map((it) => it.day)).toEqual([
      ...(also ?? []),
      '2025-06-08',
      '2025-06-09',
    ]);
    await giveFile(database.pool, merchantId, DAY, [['PAYMENT', 'unknown', 5]]);
    await compareDay(database.pool, merchantId, DAY);
    expect(await days()).toContain(DAY);
    expect(await days(new Date(Date.now() + 91 * DAY_MS).toISOString())).not.toContain(DAY);
  });
});

describe('days to compare', () => {
  const ask = async (merchantId: string, onlyNews: boolean, overBefore = new Date().toISOString()) =>
    (
      await daysToCompare(database.pool, { merchantId, from: '2025-06-08', to: NEXT, overBefore, onlyNews })
    ).map((it) => it.day);

  it('are those that are over in the merchant’s zone', async () => {
    const { merchantId } = await givenShop();
    expect(await ask(merchantId, true, '2025-06-10T14:59:59.999Z')).toEqual(['2025-06-08', '2025-06-09']);
    expect(await ask(merchantId, true, '2025-06-10T15:00:00.000Z')).toEqual([
      '2025-06-08',
      '2025-06-09',
      DAY,
    ]);
  });

  it('are none where nothing has been heard since, and those that a file or a journal touches', async () => {
    const { merchantId, books } = await givenShop();
    const payment = await books.pay(NOON, 500);
    for (const day of ['2025-06-08', '2025-06-09', DAY, NEXT])
      await compareDay(database.pool, merchantId, day);
    expect(await ask(merchantId, true)).toEqual([]);
    expect(await ask(merchantId, false)).toHaveLength(4);
    await books.offline(payment, 'DISPUTED', new Date(Date.now() + 1_000).toISOString());
    expect(await ask(merchantId, true)).toEqual([DAY]);
    await giveFile(database.pool, merchantId, '2025-06-13', []);
    expect(await ask(merchantId, true)).toEqual([DAY, NEXT]);
  });
});
