import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uniqueId } from '../support/givens.ts';
import { openLot, type Lot, type Parked } from '../support/lot.ts';
import type { TestParkingOperator } from '../support/parking-operator.ts';

let lot: Lot;
let operator: TestParkingOperator;

beforeAll(async () => {
  lot = await openLot();
  ({ operator } = lot);
});
afterAll(() => lot.close());

async function completeOutcome(stay: Parked, settlementId = uniqueId('set')): Promise<string> {
  const answer = await lot.complete(lot.completion(stay, { settlementId }));
  expect(answer.status).toBe(200);
  return answer.body.outcome;
}

describe('the cash machine', () => {
  it('takes what is owed, opens, and the same payment twice is one', async () => {
    const { where, sessionId } = await lot.givenStay();
    const paid = await operator.payAtMachine(where, 'coins-1');
    expect(paid).toMatchObject({ outcome: 'PAID', amount: 600, currency: 'JPY', sessionId });
    expect(await operator.payAtMachine(where, 'coins-1')).toEqual(paid);
    expect(await operator.stay(sessionId)).toMatchObject({ state: 'OPEN', opens: 1, owed: 0 });
  });

  it('with a payment of another stay is 422, and 404 where no car is', async () => {
    const first = await lot.givenStay();
    const second = await lot.givenStay();
    await operator.payAtMachine(first.where, 'coins-2');
    const body = { machinePaymentId: 'coins-2', ...second.where };
    expect((await operator.admin('POST', '/machine/payments', body)).status).toBe(422);
    const nobody = { machinePaymentId: 'coins-3', ...second.where, space: '3' };
    expect((await operator.admin('POST', '/machine/payments', nobody)).status).toBe(404);
  });

  it.each(['machine first', 'Kessai first'])(
    'one after the other, %s: the second takes nothing',
    async (order) => {
      const stay = await lot.givenStay();
      if (order === 'machine first') {
        expect((await operator.payAtMachine(stay.where)).outcome).toBe('PAID');
        expect(await completeOutcome(stay)).toBe('ALREADY_SETTLED');
      } else {
        expect(await completeOutcome(stay)).toBe('RELEASED');
        expect(await operator.payAtMachine(stay.where)).toMatchObject({
          outcome: 'ALREADY_SETTLED',
          amount: 0,
        });
      }
      const { payments, opens } = await operator.stay(stay.sessionId);
      expect({ payments: payments.length, opens }).toEqual({ payments: 1, opens: 1 });
    },
  );

  // Who comes first is left to chance here; each order is above.
  it('and Kessai within the same moment, 30 times: exactly one wins, and one opening', async () => {
    await Promise.all(
      Array.from({ length: 30 }, async (_, i) => {
        const stay = await lot.givenStay(i % 3 === 0 ? { credential: `T-${i}` } : {});
        const atMachine = (): Promise<string> => operator.payAtMachine(stay.where).then((it) => it.outcome);
        const atKessai = (): Promise<string> => completeOutcome(stay);
        const calls = i % 2 === 0 ? [atMachine, atKessai] : [atKessai, atMachine];
        const outcomes = await Promise.all(calls.map((call) => call()));
        const won = outcomes.filter((it) => it !== 'ALREADY_SETTLED');
        expect(won).toHaveLength(1);
        const { payments, opens, space } = await operator.stay(stay.sessionId);
        expect(payments).toMatchObject([{ payer: won[0] === 'PAID' ? 'MACHINE' : 'KESSAI', amount: 600 }]);
        // A ticket's barrier opens at the exit.
        expect(opens).toBe(space === null ? 0 : 1);
      }),
    );
  });

  it('and 10 settlements and 10 payments at once for one stay: one is taken', async () => {
    const stay = await lot.givenStay();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        i % 2 === 0 ? completeOutcome(stay) : operator.payAtMachine(stay.where).then((it) => it.outcome),
      ),
    );
    expect(outcomes.filter((it) => it === 'ALREADY_SETTLED')).toHaveLength(19);
    const { payments, opens } = await operator.stay(stay.sessionId);
    expect({ payments: payments.length, opens }).toEqual({ payments: 1, opens: 1 });
  });

  it('and a driver who leaves in the same moment as a cancellation comes: gone and paid, or there and owing', async () => {
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const stay = await lot.givenStay();
        const settlementId = uniqueId('set');
        await completeOutcome(stay, settlementId);
        const [left, canceled] = await Promise.all([
          operator.leave(stay.where),
          operator.signed<{ outcome: string }>('/v1/cancellations', { settlementId }),
        ]);
        const { owed, endedAt } = await operator.stay(stay.sessionId);
        expect([left.status, canceled.body.outcome]).toEqual(
          endedAt === null ? [409, 'CANCELED'] : [200, 'TOO_LATE'],
        );
        expect(owed).toBe(endedAt === null ? 600 : 0);
      }),
    );
  });
});
