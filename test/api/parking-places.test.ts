import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiClient, type ApiCall } from '../support/client.ts';
import { startEdge, type Edge, type ProblemBody } from '../support/edge.ts';
import { expectStatus, uniqueId } from '../support/givens.ts';
import { answerChecker, readOpenApi } from '../support/open-api.ts';

let edge: Edge;
let device: ApiCall;
const codes = { north: uniqueId('N'), south: uniqueId('S') };
const [north, south] = [uniqueId('p'), uniqueId('p')];

beforeAll(async () => {
  edge = await startEdge();
  device = edge.payer.call;
  const operatorId = uniqueId('o');
  const operator = {
    name: 'Yaizu City',
    timeZone: 'Asia/Tokyo',
    feeSource: 'KESSAI',
    release: 'OPERATOR_CONFIRM',
  };
  expectStatus(await edge.admin('PUT', `/v1/parking/operators/${operatorId}`, operator), 200);
  const key = { role: 'parking', tenantId: operatorId, name: 'server' };
  const made = await edge.admin<{ key: string }>('POST', '/v1/keys', key);
  const call = apiClient(edge.stack.baseUrl, made.body.key);
  // Two municipal car parks of Yaizu, 287 m apart (shared/data/parking, yaizu_municipal_parking.csv).
  const place = { kind: 'PARKING', spaces: [] };
  for (const [placeId, name, siteCode, lat, lon] of [
    [north, '焼津駅北口駐車場', codes.north, 34.873047, 138.318427],
    [south, '小石川駐車場', codes.south, 34.87096, 138.320503],
  ] as const) {
    const body = { ...place, name, siteCode, position: { lat, lon } };
    expectStatus(await call('PUT', `/v1/parking/places/${placeId}`, body), 200);
  }
});
afterAll(() => edge.stack.stop());

interface Found {
  readonly items: readonly { placeId: string; distanceM?: number; operatorName: string }[];
  readonly agreement?: string;
}

async function find(query: string): Promise<Found> {
  const answer = await device<Found>('GET', `/v1/parking/places?${query}`);
  expectStatus(answer, 200);
  const check = answerChecker(await readOpenApi(edge.stack.baseUrl));
  expect(check('GET /v1/parking/places', answer)).toEqual([]);
  return answer.body;
}

const ids = ({ items }: Found) => items.map((it) => it.placeId);

describe('a driver', () => {
  it('finds the place of a code', async () => {
    const found = await find(`siteCode=${codes.south}`);
    expect(found.items).toMatchObject([{ placeId: south, operatorName: 'Yaizu City' }]);
    expect(found).not.toHaveProperty('agreement');
    expect(found.items[0]).not.toHaveProperty('distanceM');
  });

  it('finds the places around, nearest first, in metres', async () => {
    const found = await find('lat=34.873047&lon=138.318427&radiusM=1000');
    expect(ids(found)).toEqual([north, south]);
    expect(found.items[0]?.distanceM).toBe(0);
    expect(found.items[1]?.distanceM).toBeGreaterThan(290);
    expect(found.items[1]?.distanceM).toBeLessThan(305);
    expect(ids(await find('lat=34.873047&lon=138.318427&radiusM=200'))).toEqual([north]);
    expect(ids(await find('lat=34.873047&lon=138.318427&limit=1'))).toEqual([north]);
    expect(ids(await find('lat=35.873047&lon=138.318427'))).toEqual([]);
  });

  it('hears whether code and position agree; the place of the code comes first either way', async () => {
    const near = await find(`siteCode=${codes.south}&lat=34.873047&lon=138.318427`);
    expect([near.agreement, ids(near)]).toEqual(['AGREE', [south, north]]);
    const far = await find(`siteCode=${codes.south}&lat=34.873047&lon=138.318427&radiusM=100`);
    expect([far.agreement, ids(far)]).toEqual(['DISAGREE', [south, north]]);
    const unknown = await find('siteCode=no-such-code&lat=34.873047&lon=138.318427&radiusM=100');
    expect([unknown.agreement, ids(unknown)]).toEqual(['CODE_UNKNOWN', [north]]);
    expect(await find('siteCode=no-such-code')).toEqual({ items: [] });
  });

  it.each([
    ['', ['/siteCode']],
    ['lat=1', ['/lon']],
    ['lon=1', ['/lat']],
    ['lat=91&lon=181', ['/lat', '/lon']],
    ['lat=x&lon=1e9', ['/lat', '/lon']],
    ['lat=1&lon=1&radiusM=50001', ['/radiusM']],
    ['siteCode=a&radiusM=10', ['/radiusM']],
    ['lat=1&lon=1&limit=0', ['/limit']],
  ])('that asks with "%s" hears what is wrong', async (query, pointers) => {
    const ask = () => device<ProblemBody>('GET', `/v1/parking/places?${query}`);
    const answer = await edge.refused(ask, 400, 'INVALID_REQUEST');
    expect(answer.body.errors?.map((it) => it.pointer)).toEqual(pointers);
  });

  it('alone may ask', async () => {
    const ask = () => edge.merchant.call<ProblemBody>('GET', '/v1/parking/places?siteCode=a');
    await edge.refused(ask, 403, 'FORBIDDEN_ROLE');
  });
});
