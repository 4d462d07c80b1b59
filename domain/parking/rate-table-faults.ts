import {
  DAY_TYPES,
  MINUTES_OF_DAY,
  programmeOf,
  timeOf,
  type Cap,
  type DaySegment,
  type DayType,
  type RateTable,
} from './rate-table.ts';

/** Where in a table something is wrong, and what. */
export interface RateTableFault {
  readonly path: readonly (string | number)[];
  readonly detail: string;
}

/**
 * What a table of the right shape still lacks: every gap and overlap of its bands, every cap that says nothing; nothing if it can be
 * reckoned with. One fault a place, so that none hides behind another.
 */
export function rateTableFaults(table: Pick<RateTable, 'bands' | 'caps'>): RateTableFault[] {
  const programme = programmeOf(table);
  const usesHolidays = table.bands.some((it) => it.days.includes('HOLIDAY'));
  const gaps = new Map<string, DayType[]>();
  const overlaps = new Map<number, Map<string, DayType[]>>();
  for (const type of DAY_TYPES) {
    if (type === 'HOLIDAY' && !usesHolidays) continue;
    for (const it of gapsOf(programme[type])) note(gaps, it, type);
    for (const { band, words } of overlapsOf(programme[type])) {
      const ofBand = overlaps.get(band) ?? new Map<string, DayType[]>();
      overlaps.set(band, ofBand);
      note(ofBand, words, type);
    }
  }
  return [
    ...(gaps.size === 0 ? [] : [{ path: ['bands'], detail: `No band for ${sentence(gaps)}.` }]),
    ...[...overlaps].map(([band, words]) => ({
      path: ['bands', band, 'from'],
      detail: `Overlaps with ${sentence(words)}.`,
    })),
    ...table.caps.flatMap(capFaults),
  ];
}

function note(map: Map<string, DayType[]>, words: string, type: DayType): void {
  map.set(words, [...(map.get(words) ?? []), type]);
}

function sentence(byWords: ReadonlyMap<string, readonly DayType[]>): string {
  return [...byWords].map(([words, days]) => `${words} on ${days.join(', ')}`).join('; ');
}

function gapsOf(segments: readonly DaySegment[]): string[] {
  const gaps: string[] = [];
  let covered = 0;
  for (const { fromMinute, toMinute } of [...segments, END]) {
    if (fromMinute > covered) gaps.push(`${timeOf(covered)}-${timeOf(fromMinute)}`);
    covered = Math.max(covered, toMinute);
  }
  return gaps;
}

const END = { fromMinute: MINUTES_OF_DAY, toMinute: MINUTES_OF_DAY };

function overlapsOf(segments: readonly DaySegment[]): { band: number; words: string }[] {
  return segments.flatMap((later, i) =>
    segments
      .slice(0, i)
      .filter((it) => it.toMinute > later.fromMinute)
      .map((it) => ({
        band: Math.max(it.band, later.band),
        words: `band ${Math.min(it.band, later.band)} in ${timeOf(later.fromMinute)}-${timeOf(Math.min(it.toMinute, later.toMinute))}`,
      })),
  );
}

function capFaults(cap: Cap, index: number, caps: readonly Cap[]): RateTableFault[] {
  const twin = caps.findIndex((it) => periodOf(it) === periodOf(cap));
  return twin < index
    ? [{ path: ['caps', index], detail: `Cap ${twin} is for the same period: the lower one alone counts.` }]
    : [];
}

function periodOf(cap: Cap): string {
  return cap.kind === 'CALENDAR_DAY' ? cap.kind : `${cap.hours} ${cap.repeats}`;
}
