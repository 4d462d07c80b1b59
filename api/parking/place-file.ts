import { CsvError, parse } from 'csv-parse/sync';
import { z } from 'zod';
import { unguarded } from '../../domain/csv.ts';
import { callerId } from '../http/schemas.ts';
import { placeBody } from './schemas.ts';

/** A row that can be stored. What its file does not say of it is undefined. */
export interface PlaceRow {
  /** Line of a CSV, number of the feature of a GeoJSON, both counted from 1. */
  readonly at: number;
  readonly placeId: string;
  readonly place: z.output<typeof placeRow>;
}

export interface BadRow {
  readonly at: number;
  readonly faults: readonly string[];
}

export interface PlaceFile {
  readonly rows: readonly PlaceRow[];
  readonly bad: readonly BadRow[];
}

/** A file that cannot be read at all. */
export class PlaceFileError extends Error {}

const placeRow = placeBody.extend({ spaces: placeBody.shape.spaces.optional() });

/** Names of columns and properties, as they are found in municipal open data too; spelled without case, spaces, - and _. */
const NAMES = {
  placeId: ['placeid', 'id', 'no'],
  name: ['name', '名称'],
  kind: ['kind', '区分'],
  lat: ['lat', 'latitude', '緯度'],
  lon: ['lon', 'lng', 'longitude', '経度'],
  siteCode: ['sitecode'],
  spaces: ['spaces'],
  rateTable: ['ratetable'],
} as const;
type Field = keyof typeof NAMES;

const KINDS = [
  { kind: 'BICYCLE', words: /^BICYCLE$|自転車|駐輪/iu },
  { kind: 'LOCKER', words: /^LOCKER$|ロッカー/iu },
  { kind: 'ROOM', words: /^ROOM$|会議室|客室/iu },
  { kind: 'PARKING', words: /^PARKING$|駐車場/iu },
] as const;

/**
 * Reads places from CSV or GeoJSON (RFC 7946, points), in UTF-8 or Shift_JIS. Each row is judged by itself: a bad one is reported and
 * blocks none. Without an id of its own a row is `OPERATOR-NUMBER`; without a site code, its id is one.
 * @throws {PlaceFileError} for what is neither
 */
export function readPlaceFile(bytes: Uint8Array, operatorId: string): PlaceFile {
  const text = decode(bytes);
  const records = text.trimStart().startsWith('{') ? readFeatures(text) : readLines(text);
  const rows: PlaceRow[] = [];
  const bad: BadRow[] = [];
  const seen = new Map<string, number>();
  for (const { at, cells } of records) {
    const row = readRow(at, cells, operatorId);
    const first = 'place' in row ? seen.get(row.placeId) : undefined;
    if (!('place' in row)) bad.push(row);
    else if (first !== undefined) bad.push({ at, faults: [`${row.placeId} stands at ${first} already`] });
    else {
      seen.set(row.placeId, at);
      rows.push(row);
    }
  }
  return { rows, bad };
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('shift_jis').decode(bytes);
  }
}

interface Row {
  readonly at: number;
  readonly cells: ReadonlyMap<Field, unknown>;
}

/** `info` gives each record with its line, which the types of the library do not say. */
const CSV_OPTIONS = { bom: true, info: true, relax_column_count: true, skip_empty_lines: true } as const;

function readLines(text: string): Row[] {
  let lines: { record: string[]; info: { lines: number } }[];
  try {
    lines = parse(text, CSV_OPTIONS) as unknown as typeof lines;
  } catch (error) {
    if (error instanceof CsvError) throw new PlaceFileError(`This is no CSV: ${error.message}`);
    throw error;
  }
  const [head, ...rest] = lines;
  if (head === undefined) throw new PlaceFileError('The file is empty.');
  const fields = head.record.map(fieldOf);
  const missing = (['name', 'lat', 'lon'] as const).filter((it) => !fields.includes(it));
  if (missing.length > 0)
    throw new PlaceFileError(
      `The first line names no column for ${missing.map((it) => NAMES[it].join(' / ')).join(', ')}.`,
    );
  return rest.map(({ record, info }) => {
    const cells = record.map((cell, i) => [fields[i], unguarded(cell.trim())] as const);
    return { at: info.lines, cells: known(cells.filter(([, cell]) => cell !== '')) };
  });
}

const geoJson = z.object({ type: z.literal('FeatureCollection'), features: z.array(z.unknown()) });
const feature = z.object({
  id: z.union([z.string(), z.number()]).optional(),
  geometry: z.object({ type: z.literal('Point'), coordinates: z.array(z.unknown()).min(2).max(3) }),
  properties: z.record(z.string(), z.unknown()).nullable(),
});

function readFeatures(text: string): Row[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new PlaceFileError(`This is no JSON: ${String(error)}`);
  }
  const file = geoJson.safeParse(json);
  if (!file.success) throw new PlaceFileError('This is no FeatureCollection of GeoJSON (RFC 7946).');
  return file.data.features.map((it, i) => {
    const { data } = feature.safeParse(it);
    const { id, geometry, properties } = data ?? {};
    const own = Object.entries(properties ?? {}).map(([name, value]) => [fieldOf(name), value] as const);
    const [lon, lat] = geometry?.coordinates ?? [];
    const cells = [['placeId', id] as const, ...own, ['lon', lon] as const, ['lat', lat] as const];
    return { at: i + 1, cells: known(cells.filter(([, value]) => value !== undefined && value !== null)) };
  });
}

function fieldOf(name: string): Field | undefined {
  const plain = name.toLowerCase().replaceAll(/[\s_-]/g, '');
  return (Object.keys(NAMES) as Field[]).find((it) => NAMES[it].some((known) => known === plain));
}

function known(cells: readonly (readonly [Field | undefined, unknown])[]): Map<Field, unknown> {
  return new Map(cells.flatMap(([field, value]) => (field === undefined ? [] : [[field, value] as const])));
}

function readRow(at: number, cells: ReadonlyMap<Field, unknown>, operatorId: string): PlaceRow | BadRow {
  const id = callerId.safeParse(idOf(cells.get('placeId'), operatorId) ?? `${operatorId}-${at}`);
  const spaces = cells.get('spaces');
  const place = placeRow.safeParse({
    kind: kindOf(cells.get('kind') ?? cells.get('name')),
    name: cells.get('name'),
    position: { lat: degrees(cells.get('lat')), lon: degrees(cells.get('lon')) },
    ...(spaces === undefined ? {} : { spaces: typeof spaces === 'string' ? splitSpaces(spaces) : spaces }),
    siteCode: textOf(cells.get('siteCode')) ?? id.data,
    ...(cells.has('rateTable') ? { rateTable: jsonOf(cells.get('rateTable')) } : {}),
  });
  if (id.success && place.success) return { at, placeId: id.data, place: place.data };
  const faults = [
    ...(id.success ? [] : ['placeId: an id has 1 to 64 of A-Z a-z 0-9 . _ -']),
    ...(place.error?.issues ?? []).map((it) => `${it.path.join('.')}: ${it.message}`),
  ];
  return { at, faults };
}

/** A bare number is made one of a kind by the operator's id. */
function idOf(value: unknown, operatorId: string): string | undefined {
  const id = textOf(value);
  return id !== undefined && /^\d+$/.test(id) ? `${operatorId}-${id}` : id;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

function degrees(value: unknown): unknown {
  return typeof value === 'string' && /^-?\d{1,3}(\.\d+)?$/.test(value) ? Number(value) : value;
}

function splitSpaces(text: string): string[] {
  return text.split(/[;|]/).map((it) => it.trim());
}

/** By the word for it, or what the name says; else a car park. */
function kindOf(value: unknown): unknown {
  if (value === undefined) return 'PARKING';
  if (typeof value !== 'string') return value;
  return KINDS.find(({ words }) => words.test(value))?.kind ?? 'PARKING';
}

function jsonOf(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
