import { describe, expect, test } from 'vitest';
import { openBooks } from '../../dev/demo/books.ts';
import { createRandom } from '../../dev/demo/random.ts';
import { noTrouble } from '../../dev/demo/http.ts';
import { createPhone, pauseForRoomMs } from '../../dev/demo/scenes/phone.ts';
import { describeIssuer } from '../../dev/demo/scenes/issuer.ts';
import { bookAnswer, orderAt, type Actor, type Stage } from '../../dev/demo/scenes/scene.ts';
import { checkWebhooks } from '../../dev/demo/told.ts';
import { assertDefined } from '../../domain/assert.ts';
import { parseCode } from '../../domain/code/format.ts';
import { OFFLINE_PERIOD_MS, offlineCode, timeStep } from '../../domain/code/offline.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import type { RefundView } from '../../domain/refund/refund.ts';

const key = new Uint8Array(32).fill(7);
const START_MS = Date.parse('2026-11-22T03:04:15.000Z');

describe('a simulated phone', () => {
  test('whose clock is wrong shows the code of the server time, and says in its journal what it saw', async () => {
    const clockOffsetMs = 3 * 3_600_000;
    let serverMs = START_MS;
    const phone = createPhone(
      { prefix: '999901', handle: '0123456789', key, clockOffsetMs },
      () => serverMs - clockOffsetMs,
    );
    const before = await phone.show(OFFLINE_PERIOD_MS);
    serverMs += 1_000;
    const now = await phone.show();
    const step = timeStep(START_MS);
    expect([before, now]).toEqual(
      await Promise.all(
        [step - 1, step].map((it) => offlineCode({ prefix: '999901', handle: '0123456789', key, step: it })),
      ),
    );
    expect(parseCode(now, '999901')).toMatchObject({ kind: 'code', mode: 'OFFLINE' });
    serverMs += 60_000;
    expect(phone.journal()).toEqual({
      entries: [
        { entryId: 'shown-1', code: before, displayedAt: '2026-11-22T00:03:45.000Z', clockOffsetMs },
        { entryId: 'shown-2', code: now, displayedAt: '2026-11-22T00:04:16.000Z', clockOffsetMs },
      ],
      coversFrom: '2026-11-22T03:02:15.000Z',
      coversTo: '2026-11-22T03:05:16.000Z',
    });
  });

  test('copied by a thief knows nothing of what the thief shows', async () => {
    const phone = createPhone(
      { prefix: '999901', handle: '0123456789', key, clockOffsetMs: 0 },
      () => START_MS,
    );
    const thief = createPhone(phone, () => START_MS);
    expect(await thief.show()).toMatch(/^9999012\d{17}$/);
    expect(phone.journal().entries).toEqual([]);
  });

  test.each([
    [0, 1_000],
    [999, 1],
    [1_000, 0],
    [22_000, 0],
    [22_001, 8_999],
    [29_999, 1_001],
  ])(
    '%i ms into a step waits %i ms, so that a code of the step before is good for a while',
    (intoStepMs, pauseMs) => {
      expect(pauseForRoomMs(timeStep(START_MS) * OFFLINE_PERIOD_MS + intoStepMs)).toBe(pauseMs);
    },
  );
});

describe('a scene', () => {
  const caller = { baseUrl: '', key: undefined, trouble: noTrouble() };
  function given(): { stage: Stage; actor: Actor } {
    const till = { storeId: 's', terminalId: 't', nextId: () => 'sale-1' };
    const world = { runId: 'demo-1', admin: caller, merchantId: 'demo-1', tills: caller };
    const payer = { userId: 'mei', device: caller, toppedUp: 5_000, topUps: 1, balance: 5_000 };
    return {
      stage: {
        world,
        books: openBooks(),
        random: createRandom('seed'),
        tills: [till, till],
        payers: [payer],
      },
      actor: { payer, taken: new Set() },
    };
  }
  const view = (more: Partial<PaymentView>): PaymentView => ({
    paymentId: 'pay_1',
    merchantPaymentId: 'sale-1',
    merchantId: 'demo-1',
    status: 'COMPLETED',
    amount: 700,
    currency: 'JPY',
    refundedAmount: 0,
    fundingSource: 'BALANCE',
    requestedAt: '2026-11-22T03:04:05.678Z',
    ...more,
  });
  const answer = (more: Partial<PaymentView>) =>
    ({ kind: 'decided', view: view(more), isRepeat: false, latencyMs: 1, hadTrouble: false }) as const;

  test('takes from the balance what was paid from it, and nothing for what was paid on credit', () => {
    const { stage, actor } = given();
    const body = orderAt(stage, stage.tills[0], actor, '');
    expect(actor.taken).toEqual(new Set([body.amount]));
    const sale = { scene: 'x', body, expected: 'COMPLETED', actor };
    expect(bookAnswer(stage, { ...sale, answer: answer({ fundingSource: 'PAY_LATER' }) })).toBeDefined();
    expect(actor.payer.balance).toBe(5_000);
    bookAnswer(stage, { ...sale, answer: answer({}) });
    expect(actor.payer.balance).toBe(4_300);
    expect(stage.books.faults).toEqual([]);
  });

  test('that ends otherwise than expected is a fault, and gives no payment to go on with', () => {
    const { stage, actor } = given();
    const body = orderAt(stage, stage.tills[0], actor, '');
    const declined = answer({ status: 'DECLINED', declineCode: 'CODE_INVALID' });
    expect(
      bookAnswer(stage, { scene: 'x', body, answer: declined, expected: 'COMPLETED', actor }),
    ).toBeUndefined();
    expect(stage.books.faults).toEqual(['sale-1: expected x: COMPLETED, got x: DECLINED CODE_INVALID']);
    expect(actor.payer.balance).toBe(5_000);
  });

  test('has its refunds told to the merchant each by itself, also two of one payment', () => {
    const { books } = given().stage;
    const refund = (name: string, status: RefundView['status']): RefundView => ({
      refundId: `ref_${name}`,
      merchantRefundId: name,
      paymentId: 'pay_1',
      merchantPaymentId: 'sale-1',
      merchantId: 'demo-1',
      status,
      amount: 1,
      currency: 'JPY',
      requestedAt: '2026-11-22T03:04:05.678Z',
    });
    const told = [refund('a', 'COMPLETED'), refund('b', 'COMPLETED'), refund('c', 'FAILED')];
    for (const it of told) books.refunded(it, 'mei');
    const deliveries = told.map((body) => ({
      webhookId: body.refundId,
      type: `refund.${body.status.toLowerCase()}`,
      body,
      tries: 1,
      accepted: true,
    }));
    expect(checkWebhooks(books.events, deliveries).faults).toEqual([]);
    expect(checkWebhooks(books.events, [assertDefined(deliveries[0])]).faults).toEqual([
      'webhook refund.completed b has not come',
      'webhook refund.failed c has not come',
    ]);
  });

  test('that changes a payment without an event is what a look-up must say', () => {
    const { books } = given().stage;
    books.decided(view({ reconciliation: 'PENDING' }), 'mei');
    books.became(view({ reconciliation: 'MATCHED' }));
    expect(books.answers.get('sale-1')?.reconciliation).toBe('MATCHED');
    expect(books.events).toHaveLength(1);
  });
});

test("the issuer's books are told beside the ledger's", () => {
  const proof = {
    accounts: 4,
    issuerSays: 2_143,
    ledgerSays: 2_000,
    lines: { checked: 3, different: 1 },
    faults: [],
  };
  expect(describeIssuer(proof)).toBe(
    "  issuer's books (all 4 lines): 2143 JPY owed, our ledger 2000; 2 of 3 lines of this run owe what was paid minus refunds",
  );
});
