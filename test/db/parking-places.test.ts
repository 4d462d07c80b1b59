import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPlacesNear, putParkingOperator, putParkingPlace } from '../../db/parking.ts';
import type { Position } from '../../domain/parking/place.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const PLACES = 100_000;
const BATCH = 10_000;

let database: TestDatabase;
let places: { placeId: string; position: Position }[];

beforeAll(async () => {
  database = await createTestDatabase();
  await putParkingOperator(database.pool, {
    operatorId: 'o',
    name: 'Everywhere',
    timeZone: 'UTC',
    feeSource: 'KESSAI',
    fallbackToRateTable: false,
    release: 'OPERATOR_CONFIRM',
  });
  // Half all over the earth, to its poles and the 180th meridian; half within a town of some 20 km.
  for (let first = 1; first <= PLACES; first += BATCH)
    await database.pool.query(
      `insert into parking_place (place_id, operator_id, kind, name, position, spaces, site_code)
       select 'p' || i, 'o', 'PARKING', 'place', case when i % 2 = 0
                then point(((i::bigint * 7919) % 360001) / 1000.0 - 180, ((i::bigint * 104729) % 180001) / 1000.0 - 90)
                else point(139.6 + ((i::bigint * 7919) % 200003) / 1e6, 35.6 + ((i::bigint * 104729) % 200003) / 1e6) end,
              '{}', 's' || i
         from generate_series($1::int, $1::int + $2::int - 1) as i`,
      [first, BATCH],
    );
  await database.pool.query('analyze parking_place');
  const { rows } = await database.pool.query<{ id: string; lon: number; lat: number }>(
    'select place_id as id, position[0] as lon, position[1] as lat from parking_place',
  );
  places = rows.map(({ id, lon, lat }) => ({ placeId: id, position: { lat, lon } }));
}, 120_000);
afterAll(() => database.drop());

/** By the angle between two directions from the centre of the earth: another way than the haversine that SQL goes. */
function metres(a: Position, b: Position): number {
  const [p, q] = [a, b].map(({ lat, lon }) => {
    const [phi, lambda] = [(lat * Math.PI) / 180, (lon * Math.PI) / 180];
    return [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)] as const;
  });
  if (p === undefined || q === undefined) throw new Error('two positions');
  const chord = Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
  return 2 * 6_371_008.8 * Math.asin(Math.min(1, chord / 2));
}

describe('places near a position, of 100,000', { timeout: 60_000 }, () => {
  it('are those that measuring to each one finds, nearest first, also at poles and the 180th meridian', async () => {
    const anywhere = fc.record({
      lat: fc.oneof(
        fc.double({ min: -90, max: 90, noNaN: true }),
        fc.constantFrom(-90, 90, 89.9, -89.8, 0, -5e-324),
      ),
      lon: fc.oneof(fc.double({ min: -180, max: 180, noNaN: true }), fc.constantFrom(-180, 180, 179.99, 0)),
    });
    const inTown = fc.record({
      lat: fc.double({ min: 35.6, max: 35.8, noNaN: true }),
      lon: fc.double({ min: 139.6, max: 139.8, noNaN: true }),
    });
    const looks = fc.oneof(
      fc.tuple(anywhere, fc.constantFrom(500, 50_000)),
      fc.tuple(inTown, fc.constantFrom(100, 500, 1_000)),
    );
    await fc.assert(
      fc.asyncProperty(looks, async ([from, radiusM]) => {
        const found = await findPlacesNear(database.pool, from, radiusM, 100_000);
        const measured = places.map((it) => ({ ...it, metres: metres(from, it.position) }));
        const wanted = measured.filter((it) => it.metres <= radiusM);
        // Places in the very edge of the circle may fall to either side of it.
        const inEdge = measured.filter((it) => Math.abs(it.metres - radiusM) < 0.001);
        const ids = new Set([...wanted, ...inEdge].map((it) => it.placeId));
        expect(found.length).toBeGreaterThanOrEqual(wanted.length - inEdge.length);
        expect(found.every((it) => ids.has(it.placeId))).toBe(true);
        const distances = found.map((it) => it.distanceM ?? NaN);
        expect(distances).toEqual(distances.toSorted((a, b) => a - b));
        for (const it of found) expect(it.distanceM).toBeCloseTo(metres(from, it.position), -1);
      }),
      { numRuns: 20 },
    );
  });

  it('come by the index, in milliseconds', async () => {
    const from = { lat: 35.7, lon: 139.7 };
    await findPlacesNear(database.pool, from, 500, 50);
    const times: number[] = [];
    for (let i = 0; i < 50; i += 1) {
      const startMs = performance.now();
      const found = await findPlacesNear(database.pool, { ...from, lon: from.lon + i / 1_000 }, 500, 50);
      times.push(performance.now() - startMs);
      expect(found.length).toBeGreaterThan(10);
    }
    const p50 = times.toSorted((a, b) => a - b)[25] ?? NaN;
    process.stdout.write(`places within 500 m of 100,000: p50 ${p50.toFixed(2)} ms\n`);
    const { rows } = await database.pool.query<{ 'QUERY PLAN': string }>(
      `explain select q.place_id from unnest(boxes_around(point(139.7, 35.7), 500)) as b(area)
         join parking_place q on q.position <@ b.area`,
    );
    expect(rows.map((it) => it['QUERY PLAN']).join('\n')).toContain('parking_place_by_position');
  });
});

it('two operators that ask for the same site code at once do not both have it', async () => {
  const put = (placeId: string) =>
    putParkingPlace(database.pool, {
      placeId,
      operatorId: 'o',
      kind: 'LOCKER',
      name: 'x',
      position: { lat: 0, lon: 0 },
      spaces: [],
      siteCode: 'the-one',
      rateTableHash: 'none',
      at: new Date(),
    });
  const outcomes = await Promise.all(Array.from({ length: 10 }, (_, i) => put(`same-${i}`)));
  expect(outcomes.filter((it) => it.kind === 'STORED')).toHaveLength(1);
  expect(outcomes.filter((it) => it.kind === 'SITE_CODE_TAKEN')).toHaveLength(9);
});

it('a degree of longitude is 111,195 m on the equator and half of that at 60 degrees', async () => {
  const { rows } = await database.pool.query<{ equator: number; north: number; round: number }>(
    `select great_circle_metres(point(0, 0), point(1, 0)) as equator, great_circle_metres(point(0, 60), point(1, 60)) as north,
            great_circle_metres(point(-180, 0), point(180, 0)) as round`,
  );
  expect(rows[0]?.equator).toBeCloseTo(111_195.08, 1);
  expect(rows[0]?.north).toBeCloseTo(55_596.9, 0);
  expect(rows[0]?.round).toBeCloseTo(0, 3);
});
