import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findOpenParkingSession } from '../../db/parking-session.ts';
import { apiClient, type ApiCall } from '../support/client.ts';
import { startEdge, type Edge, type ProblemBody } from '../support/edge.ts';
import { expectStatus, uniqueId } from '../support/givens.ts';
import { answerChecker, readOpenApi } from '../support/open-api.ts';
import { TABLES } from '../domain/parking/tables.ts';

let edge: Edge;
let admin: ApiCall;
let device: ApiCall;
let check: ReturnType<typeof answerChecker>;

beforeAll(async () => {
  edge = await startEdge();
  ({ admin } = edge);
  device = edge.payer.call;
  check = answerChecker(await readOpenApi(edge.stack.baseUrl));
});
afterAll(() => edge.stack.stop());

const OPERATOR = {
  name: 'Yaizu City',
  timeZone: 'Asia/Tokyo',
  feeSource: 'KESSAI',
  release: 'OPERATOR_CONFIRM',
};
const HOURLY = TABLES.hourly;

interface GivenOperator {
  readonly operatorId: string;
  readonly call: ApiCall;
}

async function givenOperator(more: object = {}): Promise<GivenOperator> {
  const operatorId = uniqueId('o');
  expectStatus(await admin('PUT', `/v1/parking/operators/${operatorId}`, { ...OPERATOR, ...more }), 200);
  const made = await admin<{ key: string }>('POST', '/v1/keys', {
    role: 'parking',
    tenantId: operatorId,
    name: 'server',
  });
  return { operatorId, call: apiClient(edge.stack.baseUrl, made.body.key) };
}

function placeBody(more: object = {}) {
  return {
    kind: 'PARKING',
    name: '駅北口駐車場',
    position: { lat: 34.873047, lon: 138.318427 },
    spaces: ['1', '2'],
    siteCode: uniqueId('S'),
    ...more,
  };
}

async function givenPlace(operator: GivenOperator, more: object = {}): Promise<string> {
  const placeId = uniqueId('p');
  expectStatus(await operator.call('PUT', `/v1/parking/places/${placeId}`, placeBody(more)), 200);
  return placeId;
}

describe('an operator', () => {
  it('is stored as given and can be stored anew, as documented', async () => {
    const operatorId = uniqueId('o');
    const stored = await admin('PUT', `/v1/parking/operators/${operatorId}`, OPERATOR);
    expect(stored.body).toEqual({ operatorId, ...OPERATOR, fallbackToRateTable: false });
    expect(check('PUT /v1/parking/operators/{operatorId}', stored)).toEqual([]);
    const more = {
      feeSource: 'OPERATOR',
      baseUrl: 'https://park.example/api/',
      invoiceNumber: 'T1234567890123',
      holidays: 'none',
      phone: '+81 54-000-0000',
      fallbackToRateTable: true,
    };
    await admin('PUT', `/v1/parking/operators/${operatorId}`, { ...OPERATOR, ...more });
    const found = await admin('GET', `/v1/parking/operators/${operatorId}`);
    expect(found.body).toEqual({ operatorId, ...OPERATOR, ...more, baseUrl: 'https://park.example/api' });
    expect(check('GET /v1/parking/operators/{operatorId}', found)).toEqual([]);
  });

  it.each([
    ['whose server says the fees, without an address', { feeSource: 'OPERATOR' }, '/baseUrl'],
    ['with an address without TLS', { baseUrl: 'http://park.example' }, '/baseUrl'],
    ['in a zone that is none', { timeZone: 'Mars/Base' }, '/timeZone'],
    ['with an invoice number of twelve digits', { invoiceNumber: 'T123456789012' }, '/invoiceNumber'],
    ['with holidays of nowhere', { holidays: 'XX' }, '/holidays'],
    ['with a field that is not known', { secret: 'x' }, '/secret'],
  ])('%s is refused', async (_, more, pointer) => {
    const call = () => admin<ProblemBody>('PUT', '/v1/parking/operators/new', { ...OPERATOR, ...more });
    const answer = await edge.refused(call, 400, 'INVALID_REQUEST');
    expect(answer.body.errors?.map((it) => it.pointer)).toEqual([pointer]);
    expect((await admin('GET', '/v1/parking/operators/new')).status).toBe(404);
  });

  it('is stored by an admin alone, and read by itself and no other', async () => {
    const [one, other] = [await givenOperator(), await givenOperator()];
    const put = () => one.call<ProblemBody>('PUT', `/v1/parking/operators/${one.operatorId}`, OPERATOR);
    await edge.refused(put, 403, 'FORBIDDEN_ROLE');
    expect((await one.call('GET', `/v1/parking/operators/${one.operatorId}`)).status).toBe(200);
    const get = () => other.call<ProblemBody>('GET', `/v1/parking/operators/${one.operatorId}`);
    await edge.refused(get, 404, 'NOT_FOUND');
  });
});

describe('a place', () => {
  it('is stored as given, the same again, and another rate table is a new version', async () => {
    const operator = await givenOperator();
    const placeId = uniqueId('p');
    const path = `/v1/parking/places/${placeId}`;
    const body = placeBody({ rateTable: HOURLY });
    const first = await operator.call('PUT', path, body);
    expect(first.body).toEqual({ placeId, operatorId: operator.operatorId, ...body, rateTableVersion: 1 });
    expect(check('PUT /v1/parking/places/{placeId}', first)).toEqual([]);
    expect((await operator.call('PUT', path, body)).body).toEqual(first.body);
    const turned = { ...body, rateTable: Object.fromEntries(Object.entries(HOURLY).toReversed()) };
    expect((await operator.call('PUT', path, turned)).body).toMatchObject({ rateTableVersion: 1 });
    const dearer = { ...body, name: 'North', rateTable: TABLES['20 min 100'] };
    expect((await operator.call('PUT', path, dearer)).body).toMatchObject({ rateTableVersion: 2 });
    const found = await operator.call('GET', path);
    expect(found.body).toMatchObject({ name: 'North', rateTable: TABLES['20 min 100'], rateTableVersion: 2 });
    expect(check('GET /v1/parking/places/{placeId}', found)).toEqual([]);
    const without = await operator.call('PUT', path, { ...body, rateTable: undefined });
    expect(without.body).not.toHaveProperty('rateTableVersion');
    expect((await operator.call('GET', path)).body).not.toHaveProperty('rateTable');
    expect((await operator.call('PUT', path, body)).body).toMatchObject({ rateTableVersion: 4 });
  });

  it('stored by ten at once with different rate tables has ten versions, one after the other', async () => {
    const operator = await givenOperator();
    const placeId = await givenPlace(operator);
    const body = placeBody();
    const versions = await Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        const rateTable = { ...HOURLY, exitGraceMinutes: i };
        const answer = await operator.call<{ rateTableVersion: number }>(
          'PUT',
          `/v1/parking/places/${placeId}`,
          { ...body, rateTable },
        );
        return answer.body.rateTableVersion;
      }),
    );
    expect(versions.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('of another operator is not there: neither to read nor to store', async () => {
    const [one, other] = [await givenOperator(), await givenOperator()];
    const placeId = await givenPlace(one);
    const path = `/v1/parking/places/${placeId}`;
    await edge.refused(() => other.call<ProblemBody>('PUT', path, placeBody()), 404, 'NOT_FOUND');
    await edge.refused(() => other.call<ProblemBody>('GET', path), 404, 'NOT_FOUND');
    expect((await one.call('GET', path)).body).toMatchObject({ operatorId: one.operatorId });
  });

  it('cannot have the site code of another', async () => {
    const [one, other] = [await givenOperator(), await givenOperator()];
    const siteCode = uniqueId('S');
    await givenPlace(one, { siteCode });
    const taken = () => other.call<ProblemBody>('PUT', '/v1/parking/places/second', placeBody({ siteCode }));
    await edge.refused(taken, 409, 'CONFLICT_STATE');
  });

  it('needs an operator that is stored', async () => {
    const made = await admin<{ key: string }>('POST', '/v1/keys', {
      role: 'parking',
      tenantId: 'nobody',
      name: 'x',
    });
    const call = apiClient(edge.stack.baseUrl, made.body.key);
    await edge.refused(() => call<ProblemBody>('PUT', '/v1/parking/places/p', placeBody()), 404, 'NOT_FOUND');
  });

  it('with many faults hears of them all', async () => {
    const operator = await givenOperator();
    const [band] = HOURLY.bands;
    const rateTable = {
      ...HOURLY,
      taxRatePercent: 8.12345,
      boundary: 'SOMEHOW',
      freeMinutes: -1,
      bands: [{ ...band, days: [], from: '24:00', to: '25:00', unitMinutes: 0, unitAmount: 1.5 }],
      caps: [
        { kind: 'CALENDAR_DAY', amount: 0 },
        { kind: 'WEEK', amount: 1 },
      ],
    };
    const body = placeBody({ kind: 'BOAT', position: { lat: 91, lon: 'x' }, spaces: ['1', '1'], rateTable });
    const put = () => operator.call<ProblemBody>('PUT', '/v1/parking/places/bad', body);
    const answer = await edge.refused(put, 400, 'INVALID_REQUEST');
    expect(answer.body.errors?.map((it) => it.pointer).toSorted()).toEqual(
      [
        '/kind',
        '/position/lat',
        '/position/lon',
        '/spaces',
        '/rateTable/taxRatePercent',
        '/rateTable/boundary',
        '/rateTable/freeMinutes',
        '/rateTable/bands/0/days',
        '/rateTable/bands/0/from',
        '/rateTable/bands/0/to',
        '/rateTable/bands/0/unitMinutes',
        '/rateTable/bands/0/unitAmount',
        '/rateTable/caps/0/amount',
        '/rateTable/caps/1/kind',
      ].toSorted(),
    );
  });

  it('whose bands leave gaps, overlap and have a cap too many hears of each', async () => {
    const operator = await givenOperator();
    const [band] = HOURLY.bands;
    const day = { kind: 'CALENDAR_DAY', amount: 100 };
    const bands = [
      { ...band, from: '08:00', to: '20:00' },
      { ...band, from: '19:00', to: '07:00' },
    ];
    const body = placeBody({ rateTable: { ...HOURLY, bands, caps: [day, day] } });
    const put = () => operator.call<ProblemBody>('PUT', '/v1/parking/places/bad', body);
    const answer = await edge.refused(put, 400, 'INVALID_REQUEST');
    expect(answer.body.errors).toMatchObject([
      { pointer: '/rateTable/bands', detail: expect.stringContaining('No band for 07:00-08:00') as string },
      { pointer: '/rateTable/bands/1/from', detail: expect.stringContaining('19:00-20:00') as string },
      { pointer: '/rateTable/caps/1' },
    ]);
  });
});

describe('a session', () => {
  const ENTRY = { space: '1', credential: 'ticket-1', startedAt: '2026-10-05T10:00:00+09:00' };

  it('is told by entry and exit, each any number of times', async () => {
    const operator = await givenOperator();
    const placeId = await givenPlace(operator, { rateTable: HOURLY });
    const path = `/v1/parking/sessions/${uniqueId('s')}`;
    const entered = await operator.call('PUT', path, { placeId, ...ENTRY });
    expect(entered.body).toMatchObject({
      placeId,
      startedAt: '2026-10-05T01:00:00.000Z',
      rateTableVersion: 1,
    });
    expect(entered.headers.get('idempotency-hit')).toBeNull();
    expect(check('PUT /v1/parking/sessions/{sessionId}', entered)).toEqual([]);
    const again = await operator.call('PUT', path, { placeId, ...ENTRY });
    expect(again.headers.get('idempotency-hit')).toBe('true');
    const exit = { placeId, startedAt: ENTRY.startedAt, endedAt: '2026-10-05T12:00:00+09:00' };
    const left = await operator.call('PUT', path, exit);
    expect(left.body).toEqual({ ...entered.body, endedAt: '2026-10-05T03:00:00.000Z' });
    expect((await operator.call('PUT', path, exit)).headers.get('idempotency-hit')).toBe('true');
    const found = await operator.call('GET', path);
    expect(found.body).toEqual(left.body);
    expect(check('GET /v1/parking/sessions/{sessionId}', found)).toEqual([]);
  });

  it('whose entry comes after its exit stays ended, and takes what the entry adds', async () => {
    const operator = await givenOperator();
    const placeId = await givenPlace(operator);
    const path = `/v1/parking/sessions/${uniqueId('s')}`;
    const endedAt = '2026-10-05T12:00:00+09:00';
    await operator.call('PUT', path, { placeId, startedAt: ENTRY.startedAt, endedAt });
    const late = await operator.call('PUT', path, { placeId, ...ENTRY });
    expect(late.body).toMatchObject({ space: '1', endedAt: '2026-10-05T03:00:00.000Z' });
    const open = await findOpenParkingSession(edge.stack.pool, placeId, { space: '1' });
    expect(open).toBeUndefined();
  });

  it('told by 20 at once, entry and exit mixed, is one and ended', async () => {
    const operator = await givenOperator();
    const placeId = await givenPlace(operator, { rateTable: HOURLY });
    const path = `/v1/parking/sessions/${uniqueId('s')}`;
    const endedAt = '2026-10-05T12:00:00+09:00';
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        operator.call('PUT', path, { placeId, ...ENTRY, ...(i % 2 === 0 ? { endedAt } : {}) }),
      ),
    );
    expect(answers.map((it) => it.status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(answers.filter((it) => it.headers.get('idempotency-hit') === null).length).toBeLessThanOrEqual(2);
    expect((await operator.call('GET', path)).body).toMatchObject({ endedAt: '2026-10-05T03:00:00.000Z' });
  });

  it.each([
    ['place', (other: string) => ({ placeId: other })],
    ['entry', () => ({ startedAt: '2026-10-05T10:00:01+09:00' })],
    ['space', () => ({ space: '2' })],
    ['exit', () => ({ endedAt: '2026-10-05T12:30:00+09:00' })],
  ])('told with another %s keeps what it was told', async (_, change) => {
    const operator = await givenOperator();
    const [placeId, other] = [await givenPlace(operator), await givenPlace(operator)];
    const path = `/v1/parking/sessions/${uniqueId('s')}`;
    const body = { placeId, ...ENTRY, endedAt: '2026-10-05T12:00:00+09:00' };
    const before = await operator.call('PUT', path, body);
    const told = () => operator.call<ProblemBody>('PUT', path, { ...body, ...change(other) });
    await edge.refused(told, 422, 'IDEMPOTENCY_MISMATCH');
    expect((await operator.call('GET', path)).body).toEqual(before.body);
  });

  it('keeps the rate table in force at entry, whatever comes after', async () => {
    const operator = await givenOperator();
    const siteCode = uniqueId('S');
    const placeId = await givenPlace(operator, { siteCode, rateTable: HOURLY });
    const start = (id: string, startedAt: string, space: string) =>
      operator.call('PUT', `/v1/parking/sessions/${id}`, { placeId, startedAt, space });
    const [before, after] = [uniqueId('s'), uniqueId('s')];
    await start(before, new Date().toISOString(), '1');
    const dearer = { siteCode, rateTable: TABLES['20 min 100'] };
    await operator.call('PUT', `/v1/parking/places/${placeId}`, placeBody(dearer));
    await start(after, new Date(Date.now() + 1_000).toISOString(), '2');
    const open = async (space: string) => findOpenParkingSession(edge.stack.pool, placeId, { space });
    expect(await open('1')).toMatchObject({ session: { rateTableVersion: 1 }, rateTable: HOURLY });
    expect(await open('2')).toMatchObject({
      session: { rateTableVersion: 2 },
      rateTable: TABLES['20 min 100'],
    });
    // Told late, but of a time before the change.
    const late = await start(uniqueId('s'), '2026-10-05T10:00:00+09:00', '1');
    expect(late.body).toMatchObject({ rateTableVersion: 1 });
  });

  it('is found by credential; of two that are open the later one is meant', async () => {
    const operator = await givenOperator();
    const placeId = await givenPlace(operator);
    const [old, young] = [uniqueId('s'), uniqueId('s')];
    for (const [id, hour] of [
      [young, '12'],
      [old, '10'],
    ] as const) {
      const startedAt = `2026-10-05T${hour}:00:00+09:00`;
      const body = { placeId, credential: 'plate-1', startedAt };
      expectStatus(await operator.call('PUT', `/v1/parking/sessions/${id}`, body), 200);
    }
    const by = { credential: 'plate-1' };
    expect((await findOpenParkingSession(edge.stack.pool, placeId, by))?.session.sessionId).toBe(young);
  });

  it('of another operator is not there, nor is its place', async () => {
    const [one, other] = [await givenOperator(), await givenOperator()];
    const placeId = await givenPlace(one);
    const path = `/v1/parking/sessions/${uniqueId('s')}`;
    expectStatus(await one.call('PUT', path, { placeId, ...ENTRY }), 200);
    await edge.refused(() => other.call<ProblemBody>('GET', path), 404, 'NOT_FOUND');
    const put = () => other.call<ProblemBody>('PUT', path, { placeId, ...ENTRY });
    await edge.refused(put, 404, 'NOT_FOUND');
    // The same id is another session with another operator.
    const theirs = await givenPlace(other);
    expectStatus(await other.call('PUT', path, { placeId: theirs, ...ENTRY }), 200);
    expect((await one.call('GET', path)).body).toMatchObject({ placeId });
  });

  it.each([
    ['an exit before the entry', { endedAt: '2026-10-05T09:59:59+09:00' }, '/endedAt'],
    ['a space that the place does not have', { space: '99' }, '/space'],
    ['a time without a zone', { startedAt: '2026-10-05T10:00:00' }, '/startedAt'],
  ])('with %s is refused', async (_, more, pointer) => {
    const operator = await givenOperator();
    const placeId = await givenPlace(operator);
    const path = `/v1/parking/sessions/${uniqueId('s')}`;
    const put = () => operator.call<ProblemBody>('PUT', path, { placeId, ...ENTRY, ...more });
    const answer = await edge.refused(put, 400, 'INVALID_REQUEST');
    expect(answer.body.errors?.map((it) => it.pointer)).toEqual([pointer]);
    expect((await operator.call('GET', path)).status).toBe(404);
  });
});

describe('a fee estimate', () => {
  const STAY = { startedAt: '2026-10-05T18:59:00+09:00', endedAt: '2026-10-05T19:14:00+09:00' };

  it('by a rate table that is sent says the fee and each line, to any key', async () => {
    const body = { rateTable: TABLES['station by start'], timeZone: 'Asia/Tokyo', ...STAY };
    for (const call of [admin, device, edge.merchant.call]) {
      const answer = await call('POST', '/v1/parking/fee-estimates', body);
      expect(answer.body).toEqual({
        amount: 330,
        currency: 'JPY',
        taxRatePercent: 10,
        taxIncluded: true,
        taxAmount: 30,
        lines: [
          {
            kind: 'UNITS',
            from: '2026-10-05T09:59:00.000Z',
            to: '2026-10-05T10:14:00.000Z',
            units: 1,
            amount: 330,
            why: '1 x 15 min at 330 (daily 08:00-19:00)',
          },
        ],
        paidUntil: '2026-10-05T10:14:00.000Z',
      });
      expect(check('POST /v1/parking/fee-estimates', answer)).toEqual([]);
    }
  });

  it("by a place goes by its operator's zone and holidays", async () => {
    const holiday = { startedAt: '2026-10-12T10:00:00+09:00', endedAt: '2026-10-12T12:00:00+09:00' };
    const rateTable = TABLES.weekend;
    const [japan, nowhere] = [await givenOperator(), await givenOperator({ holidays: 'none' })];
    const amounts = [];
    for (const operator of [japan, nowhere]) {
      const placeId = await givenPlace(operator, { rateTable });
      const answer = await device('POST', '/v1/parking/fee-estimates', { placeId, ...holiday });
      amounts.push(answer.body.amount);
    }
    expect(amounts).toEqual([800, 400]);
  });

  it('of a place without a rate table, or of no place, is refused', async () => {
    const placeId = await givenPlace(await givenOperator());
    const ask = (id: string) => () =>
      device<ProblemBody>('POST', '/v1/parking/fee-estimates', { placeId: id, ...STAY });
    await edge.refused(ask(placeId), 409, 'CONFLICT_STATE');
    await edge.refused(ask('no-such-place'), 404, 'NOT_FOUND');
  });

  it.each([
    ['neither place nor table', {}, ['/rateTable', '/timeZone']],
    ['both place and table', { placeId: 'p', rateTable: HOURLY }, ['/rateTable']],
    ['a table without a zone', { rateTable: HOURLY }, ['/timeZone']],
    ['an exit before the entry', { placeId: 'p', endedAt: '2026-10-05T18:58:00+09:00' }, ['/endedAt']],
    ['a stay of years', { placeId: 'p', endedAt: '2028-10-05T18:58:00+09:00' }, ['/endedAt']],
  ])('with %s is refused', async (_, more, pointers) => {
    const ask = () => device<ProblemBody>('POST', '/v1/parking/fee-estimates', { ...STAY, ...more });
    const answer = await edge.refused(ask, 400, 'INVALID_REQUEST');
    expect(answer.body.errors?.map((it) => it.pointer)).toEqual(pointers);
  });
});
