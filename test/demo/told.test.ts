import { describe, expect, test } from 'vitest';
import type { PaymentView } from '../../domain/payment/payment.ts';
import { createBasketQueue } from '../../dev/demo/baskets/queue.ts';
import { toBaskets } from '../../dev/demo/baskets/map.ts';
import { readRows } from '../../dev/demo/baskets/csv.ts';
import { openBooks } from '../../dev/demo/books.ts';
import { checkStream, checkWebhooks } from '../../dev/demo/told.ts';
import { csv } from './basket-csv.ts';

function view(merchantPaymentId: string, status: PaymentView['status'] = 'COMPLETED'): PaymentView {
  return {
    paymentId: `pay_${merchantPaymentId}`,
    merchantPaymentId,
    merchantId: 'm',
    status,
    amount: 100,
    currency: 'JPY',
    refundedAmount: 0,
    requestedAt: '2026-11-22T03:04:05.678Z',
  };
}

function happened(...views: PaymentView[]) {
  const books = openBooks();
  for (const it of views) books.decided(it, 'alice');
  return books.events;
}

describe('webhooks', () => {
  const delivery = (body: PaymentView, more: { tries?: number; accepted?: boolean } = {}) => ({
    webhookId: `evt_${body.paymentId}_${body.status}`,
    type: `payment.${body.status.toLowerCase()}`,
    body,
    tries: 1,
    accepted: true,
    ...more,
  });

  test('add up when each event came once or more often with the body it had', () => {
    const events = happened(view('1'), view('1', 'CANCELED'));
    const deliveries = [delivery(view('1', 'CANCELED')), delivery(view('1'), { tries: 3 })];
    expect(checkWebhooks(events, deliveries)).toEqual({ expected: 2, came: 2, repeats: 2, faults: [] });
  });

  test('do not when one is missing, changed, not accepted or not expected', () => {
    const events = happened(view('1'), view('2'), view('3'));
    const deliveries = [
      delivery({ ...view('2'), amount: 99 }),
      delivery(view('3'), { accepted: false }),
      delivery(view('4')),
    ];
    expect(checkWebhooks(events, deliveries).faults).toEqual([
      'webhook payment.completed 1 has not come',
      'webhook payment.completed 2 has another body',
      'webhook payment.completed 3 has not come',
      'webhook payment.completed 4 came and was not expected',
    ]);
  });
});

describe('a device', () => {
  const events = happened(view('1'), view('2'));
  const heard = (id: number, name: string) => ({ id, type: 'payment.completed', data: view(name) });

  test('has heard everything once and in order', () => {
    expect(checkStream('alice', events, [heard(1, '1'), heard(2, '2')])).toEqual([]);
    expect(checkStream('bob', events, [])).toEqual([]);
  });

  test.each([
    ['twice', [heard(1, '1'), heard(1, '1'), heard(2, '2')]],
    ['not at all', [heard(1, '1')]],
    ['in another order', [heard(1, '2'), heard(2, '1')]],
  ])('is at fault when it heard something %s', (_, streamed) => {
    expect(checkStream('alice', events, streamed)).not.toEqual([]);
  });
});

test('books say what was expected and was not', () => {
  const books = openBooks();
  books.outcome('p1', 'COMPLETED', 'COMPLETED');
  books.outcome('p2', 'COMPLETED', 'DECLINED CODE_INVALID');
  expect([...books.outcomes]).toEqual([
    ['COMPLETED', { expected: 2, got: 1 }],
    ['DECLINED CODE_INVALID', { expected: 0, got: 1 }],
  ]);
  expect(books.faults).toEqual(['p2: expected COMPLETED, got DECLINED CODE_INVALID']);
});

test('a queue of baskets never has a household at two tills and keeps its order', async () => {
  const cells = [
    { basket: 'a1', household: 'a', at: '2017-01-01 09:00:00' },
    { basket: 'a2', household: 'a', at: '2017-01-02 09:00:00' },
    { basket: 'b1', household: 'b', at: '2017-01-03 09:00:00' },
  ];
  const [a1, a2, b1] = toBaskets(readRows(csv(...cells), 'baskets.csv'));
  const queue = createBasketQueue([a1, a2, b1].filter((it) => it !== undefined));
  expect(await queue.take()).toBe(a1);
  expect(await queue.take()).toBe(b1);
  const waiting = queue.take();
  if (a1 !== undefined) queue.done(a1);
  expect(await waiting).toBe(a2);
  expect(await queue.take()).toBeUndefined();
});
