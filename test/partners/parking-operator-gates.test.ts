import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ParkingFault } from '../../partners/parking-operator/schemas.ts';
import { openLot, type Lot } from '../support/lot.ts';
import type { TestParkingOperator } from '../support/parking-operator.ts';
import { until } from '../support/until.ts';

const MINUTE_MS = 60_000;

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

describe('a flap', () => {
  it('holds a car that has not paid, goes down for one that has, and up again after five minutes', async () => {
    const stay = await lot.givenStay();
    expect((await operator.leave(stay.where)).status).toBe(409);
    await lot.complete(lot.completion(stay));
    const openedAt = operator.now().toISOString();
    expect(await operator.stay(stay.sessionId)).toMatchObject({ state: 'OPEN', openedAt, opens: 1 });
    operator.advance(5 * MINUTE_MS - 1);
    expect((await operator.stay(stay.sessionId)).state).toBe('OPEN');
    operator.advance(1);
    expect(await operator.stay(stay.sessionId)).toMatchObject({ state: 'RELOCKED', openedAt });
    expect((await operator.leave(stay.where)).status).toBe(409);
  });

  it('goes down again at the machine within the time that was paid for, and then only for the difference', async () => {
    const stay = await lot.givenStay();
    await lot.complete(lot.completion(stay, {}, 12));
    operator.advance(6 * MINUTE_MS);
    expect((await operator.admin('POST', '/machine/openings', stay.where)).status).toBe(200);
    expect(await operator.stay(stay.sessionId)).toMatchObject({ state: 'OPEN', opens: 2, owed: 0 });
    operator.advance(7 * MINUTE_MS);
    expect((await operator.admin('POST', '/machine/openings', stay.where)).status).toBe(409);
    expect(await operator.payAtMachine(stay.where)).toMatchObject({ outcome: 'PAID', amount: 300 });
    expect((await operator.leave(stay.where)).status).toBe(200);
    expect((await operator.stay(stay.sessionId)).payments).toMatchObject([{ amount: 600 }, { amount: 300 }]);
  });

  it('that hears late of a payment still leaves the driver five minutes', async () => {
    const stay = await lot.givenStay();
    const body = lot.completion(stay, {}, 6);
    operator.advance(30 * MINUTE_MS);
    expect((await lot.complete(body)).body.outcome).toBe('RELEASED');
    operator.advance(4 * MINUTE_MS);
    expect(await operator.stay(stay.sessionId)).toMatchObject({ state: 'OPEN', owed: 0 });
    expect((await operator.leave(stay.where)).status).toBe(200);
  });

  it('frees its space when the car has left', async () => {
    const stay = await lot.givenStay();
    expect(await operator.spaces(stay.where.placeId)).toMatchObject([
      { space: '1', state: 'OCCUPIED', sessionId: stay.sessionId },
      { space: '2', state: 'FREE', sessionId: null },
      { space: '3', state: 'FREE' },
    ]);
    await operator.payAtMachine(stay.where);
    await operator.leave(stay.where);
    expect((await operator.spaces(stay.where.placeId)).map((it) => it.state)).toEqual([
      'FREE',
      'FREE',
      'FREE',
    ]);
    expect((await operator.leave(stay.where)).status).toBe(404);
  });
});

describe('a barrier', () => {
  it('opens at the exit for a ticket that is paid, as long as there is time to leave', async () => {
    const stay = await lot.givenStay({ credential: 'T-1' });
    expect((await operator.leave(stay.where)).status).toBe(409);
    await lot.complete(lot.completion(stay));
    expect(await operator.stay(stay.sessionId)).toMatchObject({ state: 'PAID', opens: 0 });
    operator.advance(9 * MINUTE_MS);
    expect((await operator.leave(stay.where)).status).toBe(200);
    expect((await operator.stay(stay.sessionId)).openings).toMatchObject([{ cause: 'EXIT' }]);
  });

  it('stays shut for a ticket that was paid and not driven out in time', async () => {
    const stay = await lot.givenStay({ credential: 'T-1' });
    await lot.complete(lot.completion(stay));
    operator.advance(11 * MINUTE_MS);
    expect((await operator.leave(stay.where)).status).toBe(409);
    expect(await operator.payAtMachine(stay.where)).toMatchObject({ amount: 300 });
    expect((await operator.leave(stay.where)).status).toBe(200);
  });
});

describe('the fault', () => {
  const switchOn = (fault: ParkingFault['fault'], more: Partial<ParkingFault> = {}): Promise<void> =>
    operator.setFaults({ operation: 'COMPLETION', fault, times: 1, ...more });
  const impatient = (body: object) => lot.complete(body, { signal: AbortSignal.timeout(400) });

  it('TIME_OUT_AFTER_COMMIT opens and gives no answer; asked again it opens no more', async () => {
    const stay = await lot.givenStay();
    const body = lot.completion(stay);
    await switchOn('TIME_OUT_AFTER_COMMIT');
    await expect(impatient(body)).rejects.toThrow('timeout');
    expect((await lot.complete(body)).body.outcome).toBe('RELEASED');
    expect((await operator.stay(stay.sessionId)).opens).toBe(1);
  });

  it('TIME_OUT_BEFORE gives no answer and opens nothing', async () => {
    const stay = await lot.givenStay();
    await switchOn('TIME_OUT_BEFORE');
    await expect(impatient(lot.completion(stay))).rejects.toThrow('timeout');
    expect((await operator.stay(stay.sessionId)).opens).toBe(0);
  });

  it('SLOW opens late, also when the caller has gone', async () => {
    const stay = await lot.givenStay();
    await switchOn('SLOW', { delayMs: 700 });
    await expect(impatient(lot.completion(stay))).rejects.toThrow('timeout');
    await until('it opens', async () => (await operator.stay(stay.sessionId)).opens === 1);
  });

  it('DOWN ends every connection until it is switched off', async () => {
    const stay = await lot.givenStay();
    await switchOn('DOWN', { operation: 'ALL', times: 1_000 });
    await expect(lot.complete(lot.completion(stay))).rejects.toThrow('fetch failed');
    const at = operator.now();
    await expect(operator.signed('/v1/fee-calculations', { ...stay.where, at })).rejects.toThrow(
      'fetch failed',
    );
    await expect(operator.signed('/v1/cancellations', { settlementId: 'x' })).rejects.toThrow('fetch failed');
    expect((await operator.stay(stay.sessionId)).opens).toBe(0);
    await operator.setFaults();
    expect((await lot.complete(lot.completion(stay))).body.outcome).toBe('RELEASED');
  });

  it('ERROR_500 and NOT_FOUND answer that and do nothing', async () => {
    const stay = await lot.givenStay();
    for (const [fault, status] of [
      ['ERROR_500', 500],
      ['NOT_FOUND', 404],
    ] as const) {
      await switchOn(fault);
      expect((await lot.complete(lot.completion(stay))).status).toBe(status);
    }
    expect((await operator.stay(stay.sessionId)).opens).toBe(0);
  });

  it('OPENS_TWICE is a gate that opens at each call: who calls once sees one opening', async () => {
    const stay = await lot.givenStay();
    const body = lot.completion(stay);
    await switchOn('OPENS_TWICE', { times: 3 });
    await lot.complete(body);
    expect((await operator.stay(stay.sessionId)).opens).toBe(1);
    await lot.complete(body);
    await lot.complete(body);
    expect((await operator.stay(stay.sessionId)).opens).toBe(3);
  });

  it('of the wrong kind for its operation is 400', async () => {
    const list = [{ operation: 'CANCELLATION', fault: 'OPENS_TWICE', times: 1 }];
    expect((await operator.admin('PUT', '/v1/faults', list)).status).toBe(400);
  });
});

interface Heard {
  readonly call: string;
  readonly key: string | undefined;
  readonly body: Record<string, unknown>;
}

/** Stands where Kessai is: keeps what it hears and answers as told, 200 unless told otherwise. */
async function listenAsKessai(
  answers: number[],
): Promise<{ baseUrl: string; heard: Heard[]; server: Server }> {
  const heard: Heard[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Heard['body'];
      heard.push({
        call: `${request.method ?? ''} ${request.url ?? ''}`,
        key: request.headers.authorization,
        body,
      });
      response.statusCode = answers.shift() ?? 200;
      response.end('{}');
    })();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard, server };
}

describe('what Kessai is told', () => {
  it('is each entry and exit, again until it is accepted, and for a stay in order', async () => {
    const stay = await lot.givenStay();
    await operator.payAtMachine(stay.where);
    await operator.leave(stay.where);
    const kessai = await listenAsKessai([503, 404, 401, 429]);
    await operator.connect({ baseUrl: kessai.baseUrl, key: 'our-key' });
    const call = `PUT /v1/parking/sessions/${stay.sessionId}`;
    const ours = (): Heard[] => kessai.heard.filter((it) => it.call === call);
    await until('everything is accepted', async () => (await operator.unaccepted()).length === 0);
    const bodies = ours().map((it) => it.body);
    const firstExit = bodies.findIndex((it) => 'endedAt' in it);
    expect(bodies.slice(firstExit).every((it) => 'endedAt' in it)).toBe(true);
    expect(bodies[0]).toMatchObject({ placeId: stay.where.placeId, space: '1' });
    expect(bodies[0]).not.toHaveProperty('endedAt');
    expect(bodies.at(-1)).toMatchObject({ endedAt: operator.now().toISOString() });
    expect(new Set(kessai.heard.map((it) => it.key))).toEqual(new Set(['Bearer our-key']));
    kessai.server.close();
  });

  it('and refuses is kept with its answer, and does not hold up the exit', async () => {
    const kessai = await listenAsKessai([422]);
    await operator.connect({ baseUrl: kessai.baseUrl, key: 'our-key' });
    const stay = await lot.givenStay();
    await until('the entry is refused', () => kessai.heard.length > 0);
    await operator.payAtMachine(stay.where);
    await operator.leave(stay.where);
    await until('the exit is told', () => kessai.heard.some((it) => 'endedAt' in it.body));
    const left = await until('one is left', async () => {
      const found = await operator.unaccepted();
      return found.length === 1 && found;
    });
    expect(left).toMatchObject([
      { subject: `stay ${stay.sessionId}`, isRefused: true, lastResult: '422 {}' },
    ]);
    kessai.server.close();
  });

  it('is the outcome of a completion, where it is answered later', async () => {
    const kessai = await listenAsKessai([]);
    await operator.connect({ baseUrl: kessai.baseUrl, key: 'our-key' });
    const stay = await lot.givenStay();
    const body = lot.completion(stay);
    await operator.setFaults({ operation: 'COMPLETION', fault: 'ANSWERS_LATER', times: 1 });
    const answer = await lot.complete(body);
    expect(answer).toMatchObject({ status: 202, body: { settlementId: body.settlementId } });
    expect(answer.body).not.toHaveProperty('outcome');
    const call = `POST /v1/parking/settlements/${body.settlementId}/confirmations`;
    const told = await until('the outcome', () => kessai.heard.find((it) => it.call === call));
    expect(told.body).toEqual({ eventId: `outcome-${body.settlementId}`, outcome: 'RELEASED' });
    expect((await operator.stay(stay.sessionId)).opens).toBe(1);
    kessai.server.close();
  });
});
