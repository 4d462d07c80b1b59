import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ParkingQuote } from '../../db/parking-quote.ts';
import type { SettlementView } from '../../domain/parking/settlement.ts';
import type { Answer } from '../support/client.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { givenPayer, uniqueId, type GivenPayer } from '../support/givens.ts';
import { givenOperator, type GivenOperator } from '../support/parking.ts';
import { startParkingOperator, type TestParkingOperator } from '../support/parking-operator.ts';
import { apiClient } from '../support/client.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** The whole way, with the reference operator: it says the fee, opens, tells of entries and exits. */
let stack: Stack;
let database: TestDatabase;
let lot: TestParkingOperator;
let operator: GivenOperator;

beforeAll(async () => {
  stack = await startStack();
  database = await createTestDatabase();
  lot = await startParkingOperator(database.url);
  operator = await givenOperator(stack, undefined, {
    feeSource: 'OPERATOR',
    release: 'SERVER',
    baseUrl: lot.baseUrl,
    fallbackToRateTable: true,
  });
  const admin = apiClient(stack.baseUrl, stack.adminKey);
  const made = await admin<{ secret: string }>(
    'POST',
    `/v1/parking/operators/${operator.operatorId}/signing-secret`,
  );
  await lot.trust(made.body.secret);
  const key = await admin<{ key: string }>('POST', '/v1/keys', {
    role: 'parking',
    tenantId: operator.operatorId,
    name: 'lot',
  });
  await lot.place({ placeId: operator.placeId, spaces: 20, acceptsOtherFees: true });
  await lot.connect({ baseUrl: stack.baseUrl, key: key.body.key });
});
afterAll(async () => {
  await lot.close();
  await database.drop();
  await stopWithSoundLedger(stack);
});

let spaces = 0;

/** A car that came in some minutes ago, and its driver. */
async function givenCar(minutes: number) {
  spaces += 1;
  const at = { placeId: operator.placeId, space: String(spaces) };
  const sessionId = await lot.enter({ ...at, at: new Date(lot.now().getTime() - minutes * 60_000) });
  await until('Kessai to know of the entry', async () => {
    return (await operator.call('GET', `/v1/parking/sessions/${sessionId}`)).status === 200;
  });
  const driver = await givenPayer(stack, { balance: 10_000 });
  return { at, sessionId, driver };
}

type QuoteAnswer = Answer<ParkingQuote & { code?: string }>;

function quote(driver: GivenPayer, at: object): Promise<QuoteAnswer> {
  return driver.call('POST', '/v1/parking/quotes', at);
}

async function pay(driver: GivenPayer, { quoteId }: { quoteId: string }, settlementId = uniqueId('park')) {
  const answer = await driver.call<SettlementView>('POST', '/v1/parking/settlements', {
    settlementId,
    quoteId,
  });
  const untilState = (state: SettlementView['state']) =>
    until(`the settlement to be ${state}`, async () => {
      const { body } = await driver.call<SettlementView>('GET', `/v1/parking/settlements/${settlementId}`);
      return body.state === state && body;
    });
  const untilEnd = () =>
    until('the end', async () => {
      const { body } = await driver.call<SettlementView>('GET', `/v1/parking/settlements/${settlementId}`);
      return (body.state === 'REFUNDED' || body.state === 'RELEASED') && body;
    });
  return { answer, untilState, untilEnd };
}

describe('a driver', () => {
  it('is told the fee by the operator, pays, is let out and leaves', async () => {
    const { at, sessionId, driver } = await givenCar(40);
    const quoted = await quote(driver, at);
    expect(quoted).toMatchObject({
      status: 201,
      body: { sessionId, amount: 600, fee: 600, paidBefore: 0, feeSource: 'OPERATOR', isFallback: false },
    });
    expect(quoted.body.lines).toMatchObject([{ kind: 'OPERATOR', amount: 600 }]);
    const { answer, untilState } = await pay(driver, quoted.body);
    expect(answer).toMatchObject({ status: 200, body: { state: 'PAID', receipt: { taxAmount: 54 } } });
    await untilState('RELEASED');
    expect((await lot.stay(sessionId)).openings).toHaveLength(1);
    expect((await quote(driver, at)).body).toMatchObject({ amount: 0, paidBefore: 600 });
    expect((await lot.leave(at)).status).toBe(200);
    await untilState('EXITED');
    expect(await driver.balance()).toBe(9_400);
  });

  it('and the cash machine pay in the same second, many times over: each driver pays once', async () => {
    const cars = await Promise.all(Array.from({ length: 4 }, () => givenCar(10)));
    for (const [i, { at, driver, sessionId }] of cars.entries()) {
      const quoted = (await quote(driver, at)).body;
      // Who calls first is not always who comes first.
      const first = i % 2 === 0 ? lot.payAtMachine(at) : undefined;
      const [{ untilEnd }] = await Promise.all([pay(driver, quoted), first ?? lot.payAtMachine(at)]);
      const ended = await untilEnd();
      expect((await lot.stay(sessionId)).openings).toHaveLength(1);
      expect(await driver.balance()).toBe(ended.state === 'REFUNDED' ? 10_000 : 9_700);
    }
  });

  it('whose operator’s server is down is quoted by our rate table, which says so', async () => {
    const { at, driver } = await givenCar(40);
    await lot.setFaults({ operation: 'FEE_CALCULATION', fault: 'DOWN', times: 1 });
    const quoted = await quote(driver, at);
    expect(quoted).toMatchObject({
      status: 201,
      body: { feeSource: 'KESSAI', isFallback: true, amount: 600 },
    });
    const { untilState } = await pay(driver, quoted.body);
    await untilState('RELEASED');
  });

  it('whose operator’s server is too slow hears that there is no fee, where our rate table may not stand in', async () => {
    const { at, driver } = await givenCar(5);
    const admin = apiClient(stack.baseUrl, stack.adminKey);
    const path = `/v1/parking/operators/${operator.operatorId}`;
    const { operatorId: _, ...stored } = (await admin('GET', path)).body;
    await admin('PUT', path, { ...stored, fallbackToRateTable: false });
    await lot.setFaults({ operation: 'FEE_CALCULATION', fault: 'SLOW', delayMs: 3_000, times: 1 });
    expect(await quote(driver, at)).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    await admin('PUT', path, stored);
  });

  it('at a broken gate that opens at each call is called for once', async () => {
    const { at, driver, sessionId } = await givenCar(5);
    await lot.setFaults({ operation: 'COMPLETION', fault: 'OPENS_TWICE', times: 100 });
    const { untilState } = await pay(driver, (await quote(driver, at)).body);
    await untilState('RELEASED');
    expect((await lot.stay(sessionId)).openings).toHaveLength(1);
    await lot.setFaults();
  });

  it('whose completion is answered later is released by the server’s own call', async () => {
    const { at, driver } = await givenCar(5);
    await lot.setFaults({ operation: 'COMPLETION', fault: 'ANSWERS_LATER', times: 1 });
    const { untilState } = await pay(driver, (await quote(driver, at)).body);
    expect((await untilState('RELEASED')).acknowledgements.operator?.outcome).toBe('RELEASED');
  });

  it('whose operator commits and never answers is released once', async () => {
    const { at, driver, sessionId } = await givenCar(5);
    await lot.setFaults({ operation: 'COMPLETION', fault: 'TIME_OUT_AFTER_COMMIT', times: 1 });
    const { untilState } = await pay(driver, (await quote(driver, at)).body);
    await untilState('RELEASED');
    expect((await lot.stay(sessionId)).openings).toHaveLength(1);
    expect(await driver.balance()).toBe(9_700);
  });

  it('asks for a stay that nobody has told of, and hears that there is none', async () => {
    const driver = await givenPayer(stack);
    expect((await quote(driver, { placeId: operator.placeId, space: '20' })).status).toBe(404);
    expect((await quote(driver, { placeId: 'none', space: '1' })).status).toBe(404);
    expect((await quote(driver, { placeId: operator.placeId })).status).toBe(400);
  });
});

describe('a place whose operator has nothing but a machine', () => {
  it('takes the driver’s word for the entry, marked, reckons by our table, and takes off what was paid', async () => {
    const machine = await givenOperator(stack);
    const driver = await givenPayer(stack, { balance: 10_000 });
    const startedAt = new Date(Date.now() - 40 * 60_000).toISOString();
    const at = { placeId: machine.placeId, space: 'A', startedAt };
    expect((await quote(driver, { ...at, startedAt: undefined })).status).toBe(404);
    const quoted = (await quote(driver, at)).body;
    expect(quoted).toMatchObject({ amount: 600, feeSource: 'KESSAI', saidByDriver: true, taxAmount: 54 });
    expect((await quote(driver, at)).body.sessionId).toBe(quoted.sessionId);
    const { answer } = await pay(driver, quoted);
    expect(answer.body).toMatchObject({ state: 'PAID', saidByDriver: true, startedAt });
    // In time to leave nothing more is owed.
    const again = (await quote(driver, at)).body;
    expect(again).toMatchObject({ amount: 0, paidBefore: 600 });
    expect((await pay(driver, again)).answer).toMatchObject({
      status: 409,
      body: { code: 'CONFLICT_STATE' },
    });
    // Later, only the difference.
    await stack.pool.query(
      `update parking_quote set expires_at = now() - interval '1 hour', exit_by = now() - interval '1 hour' where quote_id = $1`,
      [quoted.quoteId],
    );
    await stack.pool.query(
      `update parking_session set started_at = started_at - interval '30 minutes' where session_id = $1`,
      [quoted.sessionId],
    );
    expect((await quote(driver, at)).body).toMatchObject({
      fee: 900,
      paidBefore: 600,
      amount: 300,
      taxAmount: 27,
    });
  });
});
