import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from '../support/client.ts';
import { uniqueId } from '../support/givens.ts';
import { openLot, type Lot } from '../support/lot.ts';
import { startProgram } from '../support/program.ts';
import type { StayAt, TestParkingOperator } from '../support/parking-operator.ts';

const MINUTE_MS = 60_000;
const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

let lot: Lot;
let operator: TestParkingOperator;

beforeAll(async () => {
  lot = await openLot();
  ({ operator } = lot);
});
afterEach(async () => {
  await operator.setFaults();
});
afterAll(() => lot.close());

interface Fee {
  sessionId: string;
  amount: number;
  lines: { description: string; amount: number }[];
  taxAmount: number;
  validUntil: string;
  isSettled: boolean;
}

const fee = (where: StayAt, at = operator.now()): Promise<Answer<Fee>> =>
  operator.signed('/v1/fee-calculations', { ...where, at });

describe('a fee calculation', () => {
  it.each([
    [0, 300],
    [30, 300],
    [31, 600],
    [60, 600],
    [200, 2_000],
    [24 * 60, 2_000],
    [24 * 60 + 1, 2_300],
    [49 * 60, 4_600],
  ])('after %i minutes tells %i yen in lines that sum to it', async (ago, amount) => {
    const { where, sessionId } = await lot.givenStay({ ago });
    const { status, body } = await fee(where);
    expect(status).toBe(200);
    expect(body).toMatchObject({ sessionId, amount, isSettled: false });
    expect(body.lines.reduce((sum, line) => sum + line.amount, 0)).toBe(amount);
    expect(body.taxAmount).toBe(Math.floor((amount * 10) / 110));
  });

  it.each([
    [10, 5],
    [27, 3],
    [29.5, 1],
  ])(
    'after %d minutes is valid for %i, to the next step, one at least and five at most',
    async (ago, minutes) => {
      const { where } = await lot.givenStay({ ago });
      const { body } = await fee(where);
      expect((Date.parse(body.validUntil) - operator.now().getTime()) / MINUTE_MS).toBe(minutes);
    },
  );

  it('finds a car by its ticket as well, and 404 where none is', async () => {
    const { where } = await lot.givenStay({ credential: 'T-1' });
    expect((await fee(where)).body.amount).toBe(600);
    expect((await fee({ ...where, credential: 'T-2' })).status).toBe(404);
    expect((await fee({ placeId: 'nowhere', space: '1' })).status).toBe(404);
  });

  it('owes nothing within the time that was paid for, and the difference after it', async () => {
    const stay = await lot.givenStay();
    await lot.complete(lot.completion(stay));
    expect((await fee(stay.where)).body).toMatchObject({ amount: 0, isSettled: true });
    const late = new Date(operator.now().getTime() + 40 * MINUTE_MS);
    const { body } = await fee(stay.where, late);
    expect(body).toMatchObject({ amount: 600, isSettled: false });
    expect(body.lines.at(-1)).toEqual({ description: 'Paid before', amount: -600 });
  });
});

describe('a completion', () => {
  it('opens the flap, once, and gives the first outcome again', async () => {
    const stay = await lot.givenStay();
    const body = lot.completion(stay);
    const first = await lot.complete(body);
    expect(first).toMatchObject({
      status: 200,
      body: { settlementId: body.settlementId, outcome: 'RELEASED' },
    });
    expect(await lot.complete(body)).toMatchObject({ status: 200, body: first.body });
    // By now Kessai has been told by a person.
    expect((await lot.complete({ ...body, releasedBy: 'OPERATOR' })).body).toEqual(first.body);
    expect(await operator.stay(stay.sessionId)).toMatchObject({ state: 'OPEN', opens: 1, owed: 0 });
  });

  it('sent 30 times at once opens once', async () => {
    const stay = await lot.givenStay();
    const body = lot.completion(stay);
    const answers = await Promise.all(Array.from({ length: 30 }, () => lot.complete(body)));
    expect(new Set(answers.map((it) => it.body.outcome))).toEqual(new Set(['RELEASED']));
    const { opens, payments } = await operator.stay(stay.sessionId);
    expect({ opens, payments: payments.length }).toEqual({ opens: 1, payments: 1 });
  });

  it('under the id of another one is 422 and changes nothing', async () => {
    const stay = await lot.givenStay();
    const body = lot.completion(stay);
    await lot.complete(body);
    const other = await lot.complete({ ...body, amount: 700 });
    expect(other).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_MISMATCH' } });
    expect((await operator.stay(stay.sessionId)).payments).toMatchObject([{ amount: 600 }]);
  });

  it('of a stay that a person has released already is booked and opens nothing', async () => {
    const stay = await lot.givenStay();
    await operator.openByHand(stay.where);
    const answer = await lot.complete(lot.completion(stay, { releasedBy: 'OPERATOR' }));
    expect(answer.body.outcome).toBe('RELEASED');
    expect(await operator.stay(stay.sessionId)).toMatchObject({
      owed: 0,
      openings: [{ cause: 'STAFF' }],
      payments: [{ payer: 'KESSAI', amount: 600 }],
    });
  });

  it('of a car that has left on a hand-opened flap is booked as well', async () => {
    const stay = await lot.givenStay();
    await operator.openByHand(stay.where);
    expect((await operator.leave(stay.where)).status).toBe(200);
    expect((await lot.complete(lot.completion(stay))).body.outcome).toBe('RELEASED');
    expect(await operator.stay(stay.sessionId)).toMatchObject({ opens: 1, owed: 0 });
  });

  it('of another stay than the one in the space, of too little, or in another currency releases nothing', async () => {
    const stay = await lot.givenStay();
    for (const wrong of [
      { sessionId: 'none' },
      { space: '2' },
      { placeId: 'elsewhere' },
      { amount: 599 },
      { currency: 'USD' },
    ]) {
      expect((await lot.complete(lot.completion(stay, wrong))).body.outcome).toBe('NOT_RELEASED');
    }
    expect(await operator.stay(stay.sessionId)).toMatchObject({ opens: 0, payments: [], state: 'OCCUPIED' });
  });

  it('of a fee that was told is enough as long as that was valid, also over a step of the tariff', async () => {
    const stay = await lot.givenStay({ ago: 59.5 });
    expect((await fee(stay.where)).body.amount).toBe(600);
    const inTime = new Date(operator.now().getTime() + 50_000).toISOString();
    const after = new Date(operator.now().getTime() + 90_000).toISOString();
    expect((await lot.complete(lot.completion(stay, { paidAt: after }))).body.outcome).toBe('NOT_RELEASED');
    expect((await lot.complete(lot.completion(stay, { paidAt: inTime }))).body.outcome).toBe('RELEASED');
  });

  it('of another amount is enough where the place takes what Kessai calculates', async () => {
    const stay = await lot.givenStay({ acceptsOtherFees: true });
    expect((await lot.complete(lot.completion(stay, { amount: 100 }))).body.outcome).toBe('RELEASED');
  });

  it('of a stay that another settlement has paid is ALREADY_SETTLED, for good', async () => {
    const stay = await lot.givenStay();
    await lot.complete(lot.completion(stay));
    const second = lot.completion(stay);
    expect((await lot.complete(second)).body.outcome).toBe('ALREADY_SETTLED');
    expect((await lot.complete(second)).body.outcome).toBe('ALREADY_SETTLED');
    expect(await operator.stay(stay.sessionId)).toMatchObject({ opens: 1, payments: [{ amount: 600 }] });
  });
});

describe('a cancellation', () => {
  it('takes the payment back and shuts the flap while the car is there, twice as once', async () => {
    const stay = await lot.givenStay();
    const body = lot.completion(stay);
    await lot.complete(body);
    for (let i = 0; i < 2; i++) {
      expect(await lot.cancel(body.settlementId)).toMatchObject({
        status: 200,
        body: { settlementId: body.settlementId, outcome: 'CANCELED' },
      });
    }
    expect(await operator.stay(stay.sessionId)).toMatchObject({ state: 'RELOCKED', owed: 600 });
    expect((await lot.complete(body)).body.outcome).toBe('NOT_RELEASED');
    expect((await lot.complete(lot.completion(stay))).body.outcome).toBe('RELEASED');
  });

  it('is too late once the car has left, and stays so', async () => {
    const stay = await lot.givenStay();
    const body = lot.completion(stay);
    await lot.complete(body);
    await operator.leave(stay.where);
    expect((await lot.cancel(body.settlementId)).body.outcome).toBe('TOO_LATE');
    expect((await lot.cancel(body.settlementId)).body.outcome).toBe('TOO_LATE');
    expect((await lot.complete(body)).body.outcome).toBe('RELEASED');
  });

  it('that comes before its completion leaves a tombstone: nothing opens later', async () => {
    const stay = await lot.givenStay();
    const body = lot.completion(stay);
    expect((await lot.cancel(body.settlementId)).body.outcome).toBe('CANCELED');
    expect((await lot.complete(body)).body.outcome).toBe('NOT_RELEASED');
    expect((await lot.complete(body)).body.outcome).toBe('NOT_RELEASED');
    expect(await operator.stay(stay.sessionId)).toMatchObject({ opens: 0, payments: [], owed: 600 });
  });

  it('at the same time as its completion leaves nothing open and nothing paid, whichever comes first', async () => {
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const stay = await lot.givenStay();
        const body = lot.completion(stay);
        await Promise.all([lot.complete(body), lot.cancel(body.settlementId)]);
        const { state, owed } = await operator.stay(stay.sessionId);
        expect(state).not.toBe('OPEN');
        expect(owed).toBe(600);
        expect((await lot.complete(body)).body.outcome).toBe('NOT_RELEASED');
      }),
    );
  });
});

describe('entries', () => {
  it('put one car in a space, and one into a session', async () => {
    const placeId = await operator.place();
    const entry = { sessionId: uniqueId('s'), placeId, space: '1' };
    expect((await operator.admin('POST', '/control/entries', entry)).status).toBe(201);
    expect((await operator.admin('POST', '/control/entries', entry)).status).toBe(201);
    const second = await operator.admin('POST', '/control/entries', { placeId, space: '1' });
    expect(second).toMatchObject({ status: 409, body: { code: 'CONFLICT_STATE' } });
    const moved = await operator.admin('POST', '/control/entries', { ...entry, space: '2' });
    expect(moved.status).toBe(422);
    expect((await operator.admin('POST', '/control/entries', { placeId, space: '9' })).status).toBe(404);
  });

  it('of 20 cars at once into one space are one car', async () => {
    const placeId = await operator.place();
    const entries = await Promise.all(
      Array.from({ length: 20 }, () => operator.admin('POST', '/control/entries', { placeId, space: '1' })),
    );
    expect(entries.filter((it) => it.status === 201)).toHaveLength(1);
  });
});

describe('a call', () => {
  it('without a signature, with another secret, old, or over another body is not believed', async () => {
    const stay = await lot.givenStay();
    const body = lot.completion(stay);
    const unsigned = await operator.admin('POST', '/v1/completions', body);
    expect(unsigned).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
    expect(unsigned.headers.get('content-type')).toContain('application/problem+json');
    for (const more of [
      { secrets: [newSecret()] },
      { at: new Date(Date.now() - 6 * MINUTE_MS) },
      { sentBody: JSON.stringify({ ...body, amount: 1 }) },
    ]) {
      expect((await operator.signed('/v1/completions', body, more)).status).toBe(401);
    }
    expect((await operator.stay(stay.sessionId)).opens).toBe(0);
  });

  it('that is malformed answers 400 with the fault, and keeps nothing', async () => {
    const stay = await lot.givenStay();
    for (const bad of [{ amount: -1 }, { amount: 1.5 }, { paidAt: 'yesterday' }, { settlementId: '' }]) {
      const answer = await lot.complete(lot.completion(stay, bad));
      expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
    }
    expect((await operator.signed('/v1/fee-calculations', { placeId: 'x', at: operator.now() })).status).toBe(
      400,
    );
  });

  it('of a stranger opens no gate: machine and control are for the staff', async () => {
    for (const path of ['/machine/payments', '/control/openings', '/control/entries', '/v1/faults']) {
      const answer = await operator.signed(path, { placeId: 'x', space: '1' });
      expect(answer.status).toBe(401);
    }
  });
});

describe('the program', () => {
  it('without settings ends with one sentence', async () => {
    const program = startProgram('partners/parking-operator/main.ts', {
      PARKING_DATABASE_URL: undefined,
      PARKING_ADMIN_KEY: undefined,
    });
    expect(await program.exitCode()).toBe(1);
    expect(program.errors().trim()).toBe(
      'The parking operator cannot start: PARKING_DATABASE_URL is not set; PARKING_ADMIN_KEY is not set.',
    );
  });
});
