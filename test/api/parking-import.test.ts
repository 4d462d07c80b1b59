import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importPlaces } from '../../api/parking/import-places.ts';
import { PlaceFileError, readPlaceFile } from '../../api/parking/place-file.ts';
import { qrSheetPdf } from '../../api/parking/sheet-pdf.ts';
import { qrSheets } from '../../api/parking/sheet.ts';
import { findParkingPlace, putParkingOperator } from '../../db/parking.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { compiled } from '../support/program.ts';
import { TABLES } from '../domain/parking/tables.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  const operator = {
    name: 'x',
    timeZone: 'Asia/Tokyo',
    feeSource: 'KESSAI',
    fallbackToRateTable: false,
  } as const;
  for (const operatorId of ['yaizu', 'other'])
    await putParkingOperator(database.pool, { ...operator, operatorId, release: 'OPERATOR_CONFIRM' });
});
afterAll(() => database.drop());

function ended(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [program, ...args],
      { env: { ...process.env, ...env } },
      (_, out, errors) => {
        resolve({ code: child.exitCode ?? -1, output: out + errors });
      },
    );
  });
}

const bytes = (text: string) => new TextEncoder().encode(text);
const read = (text: string) => readPlaceFile(bytes(text), 'yaizu');

describe('a file of places', () => {
  it('may be CSV with names in English or Japanese, with a byte order mark, in any order of columns', () => {
    const { rows, bad } = read(
      '\ufeffkind,Name,lat,lon,site-code,spaces,id\nLOCKER,"Lockers, north",34.5,138.5,N-1,1; 2 ;3,lockers-1\n',
    );
    expect(bad).toEqual([]);
    expect(rows).toEqual([
      {
        at: 2,
        placeId: 'lockers-1',
        place: {
          kind: 'LOCKER',
          name: 'Lockers, north',
          position: { lat: 34.5, lon: 138.5 },
          siteCode: 'N-1',
          spaces: ['1', '2', '3'],
        },
      },
    ]);
    const japanese = read('NO,名称,緯度,経度\n7,駅前自転車駐車場,34.5,138.5\n');
    expect(japanese.rows).toMatchObject([
      { placeId: 'yaizu-7', place: { kind: 'BICYCLE', siteCode: 'yaizu-7' } },
    ]);
  });

  it('tells every fault of every bad row, and keeps the good ones', () => {
    const { rows, bad } = read(
      ['id,name,lat,lon', 'a,A,1,2', 'b,,91,x', 'a,A again,1,2', 'c d,C,1,2', 'e,E,1', 'f,F,1,2'].join('\n'),
    );
    expect(rows.map((it) => it.placeId)).toEqual(['a', 'f']);
    expect(bad.map((it) => it.at)).toEqual([3, 4, 5, 6]);
    expect(bad[0]?.faults.map((it) => it.split(':')[0])).toEqual(['name', 'position.lat', 'position.lon']);
    expect(bad[1]?.faults).toEqual(['a stands at 2 already']);
  });

  it('may be GeoJSON with points; other shapes are bad rows', () => {
    const features = [
      {
        type: 'Feature',
        id: 'p1',
        geometry: { type: 'Point', coordinates: [138.5, 34.5] },
        properties: { name: 'North', kind: 'PARKING', rateTable: TABLES.hourly },
      },
      { type: 'Feature', geometry: { type: 'LineString', coordinates: [[0, 0]] }, properties: { name: 'x' } },
      { type: 'Feature', geometry: null, properties: null },
    ];
    const { rows, bad } = read(JSON.stringify({ type: 'FeatureCollection', features }));
    expect(rows).toMatchObject([
      { at: 1, placeId: 'p1', place: { position: { lat: 34.5, lon: 138.5 }, rateTable: TABLES.hourly } },
    ]);
    expect(bad.map((it) => it.at)).toEqual([2, 3]);
  });

  it('may be in Shift_JIS', () => {
    // 名称,緯度,経度 and 駅 in Shift_JIS.
    const head = [0x96, 0xbc, 0x8f, 0xcc, 0x2c, 0x88, 0xdc, 0x93, 0x78, 0x2c, 0x8c, 0x6f, 0x93, 0x78, 0x0a];
    const row = [0x89, 0x77, ...bytes(',1,2\n')];
    const { rows } = readPlaceFile(Uint8Array.from([...head, ...row]), 'yaizu');
    expect(rows).toMatchObject([{ place: { name: '駅' } }]);
  });

  it.each([
    ['empty', ''],
    ['without a column for the position', 'id,name\na,A\n'],
    ['of broken CSV', 'name,lat,lon\n"a,1,2\n'],
    ['of broken JSON', '{'],
    ['of JSON that is no GeoJSON', '{"a":1}'],
  ])('%s is refused whole', (_, text) => {
    expect(() => read(text)).toThrow(PlaceFileError);
  });
});

describe('an import', () => {
  const file = 'id,name,lat,lon\nimp-1,One,1,2\nimp-2,Two,1,2\n';

  it('stores what it says, again the same, and a dry run nothing', async () => {
    expect(await importPlaces(database.pool, 'yaizu', read(file), true)).toEqual({ stored: 2, bad: [] });
    expect(await findParkingPlace(database.pool, 'imp-1')).toBeUndefined();
    for (let i = 0; i < 2; i += 1)
      expect(await importPlaces(database.pool, 'yaizu', read(file), false)).toEqual({ stored: 2, bad: [] });
    expect(await findParkingPlace(database.pool, 'imp-1')).toMatchObject({ name: 'One', siteCode: 'imp-1' });
  });

  it("tells of places that are another operator's, and of site codes that are taken", async () => {
    const others = readPlaceFile(
      bytes('id,name,lat,lon,site_code\nimp-2,Two,1,2,x\nimp-3,Three,1,2,imp-1\n'),
      'other',
    );
    expect(await importPlaces(database.pool, 'other', others, false)).toEqual({
      stored: 0,
      bad: [
        { at: 2, faults: ["placeId: imp-2 is another operator's"] },
        { at: 3, faults: ['siteCode: imp-1 is that of another place'] },
      ],
    });
  });

  it('by command tells bad rows by line and ends with 1; the sheet has a code for each place', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'kessai-parking-'));
    const places = path.join(folder, 'places.csv');
    await writeFile(places, 'id,name,lat,lon\ncmd-1,One <1>,1,2\ncmd-2,Two,99,2\n');
    const run = (name: string, ...args: string[]) =>
      ended(compiled(`api/parking/${name}-main.ts`), args, { DATABASE_URL: database.url });
    const imported = await run('import', '--operator', 'other', '--file', places);
    expect(imported.output).toContain(`${places}:3: position.lat`);
    expect(imported.output).toContain('1 places stored, 1 bad rows.');
    expect(imported.code).toBe(1);
    const sheet = await run(
      'sheet',
      '--operator',
      'other',
      '--out',
      folder,
      '--link',
      'https://pay.example/',
    );
    expect(sheet).toMatchObject({ code: 0 });
    expect(await readdir(folder)).toEqual(expect.arrayContaining(['site-codes-1.svg', 'site-codes.pdf']));
    expect(await readFile(path.join(folder, 'site-codes-1.svg'), 'utf8')).toContain('One &lt;1&gt;');
    expect(await run('import', '--operator', 'nobody', '--file', places)).toMatchObject({ code: 1 });
  });
});

it('a sheet has six codes a page', () => {
  const places = Array.from({ length: 7 }, (_, i) => ({ name: `Place ${i}`, siteCode: `S-${i}` }));
  const pages = qrSheets(places, '');
  expect(pages.map((it) => it.match(/<path/g)?.length)).toEqual([6, 1]);
  expect(pages[1]).toContain('>S-6</text>');
  expect(qrSheets([], '')).toEqual([]);
});

it('a PDF has the same pages, and its table says where each object begins', () => {
  const places = Array.from({ length: 7 }, (_, i) => ({ name: `焼津 ${i}`, siteCode: `S-${i}` }));
  const file = qrSheetPdf(places, 'https://pay.example/').toString('latin1');
  expect(file).toMatch(/^%PDF-1\.5\n/);
  expect(file).toContain('/Count 2 ');
  expect(file.match(/ Tj ET/g)).toHaveLength(14);
  expect(file).toContain('(S-6) Tj');
  // 焼津 3, as UTF-16.
  expect(file).toContain('<713c6d2500200033> Tj');
  const offsets = [...file.matchAll(/^(\d{10}) 00000 n $/gm)].map(([, at]) => Number(at));
  expect(offsets.map((at, i) => file.startsWith(`${i + 1} 0 obj\n`, at))).not.toContain(false);
  expect(file.slice(Number(/startxref\n(\d+)/.exec(file)?.[1])).startsWith('xref\n')).toBe(true);
  for (const [, length, content] of file.matchAll(/\/Length (\d+) >>\nstream\n([^]*?)\nendstream/g))
    expect(content).toHaveLength(Number(length));
});

// Open data of the City of Yaizu (公共データ利用規約 1.0), beside the project and not part of it.
const REAL = new URL('../../../shared/data/parking/', import.meta.url);

describe.skipIf(!existsSync(new URL('yaizu_municipal_parking.csv', REAL)))('municipal open data', () => {
  it.each([
    ['yaizu_municipal_parking.csv', 4],
    ['yaizu_paid_parking_walk_2025.csv', 16],
  ])('%s is read whole', async (name, count) => {
    const { rows, bad } = readPlaceFile(await readFile(new URL(name, REAL)), 'yaizu');
    expect([rows.length, bad]).toEqual([count, []]);
    const kinds = rows.filter((it) => it.place.name.includes('自転車')).map((it) => it.place.kind);
    expect(kinds).toEqual(kinds.map(() => 'BICYCLE'));
    expect(rows.every(({ place: { position } }) => Math.abs(position.lat - 34.87) < 0.02)).toBe(true);
  });
});
