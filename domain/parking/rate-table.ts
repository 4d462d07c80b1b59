import { WEEKDAYS, type Weekday } from './calendar.ts';

export const DAY_TYPES = [...WEEKDAYS, 'HOLIDAY'] as const;
export type DayType = (typeof DAY_TYPES)[number];

export const BOUNDARIES = ['UNIT_BY_START', 'RESTART_AT_BOUNDARY'] as const;
export const FREE_TIMES = ['DEDUCTED', 'CHARGED_IF_EXCEEDED'] as const;

/** A rate by time of day and kind of day (APDS: RateLine). Amounts are minor units of the table's currency. */
export interface Band {
  /** The days on which its hours lie: of a band across midnight, 00:00 to `to` is on the later day. */
  readonly days: readonly DayType[];
  /** `HH:MM` of the clock on the wall. `to` may be 24:00; at or before `from` it is across midnight. */
  readonly from: string;
  readonly to: string;
  readonly unitMinutes: number;
  readonly unitAmount: number;
  /** At most so much for one stretch of the band. */
  readonly maxAmount?: number | undefined;
}

export type Cap =
  | {
      readonly kind: 'HOURS_AFTER_ENTRY';
      readonly hours: number;
      readonly amount: number;
      /** Again for each further period of so many hours; else for the first one alone. */
      readonly repeats: boolean;
    }
  | { readonly kind: 'CALENDAR_DAY'; readonly amount: number };

/** What a stay costs (APDS: RateTable). docs/parking-tariffs.md says how each rule is meant. */
export interface RateTable {
  readonly currency: string;
  readonly taxRatePercent: number;
  readonly taxIncluded: boolean;
  readonly boundary: (typeof BOUNDARIES)[number];
  readonly freeMinutes: number;
  /** Whether a stay beyond the free minutes is charged from their end, or from entry after all. Default DEDUCTED. */
  readonly freeTime?: (typeof FREE_TIMES)[number] | undefined;
  /** From payment to exit (APDS: payPriorToExit). */
  readonly exitGraceMinutes: number;
  readonly bands: readonly Band[];
  readonly caps: readonly Cap[];
}

export const MINUTES_OF_DAY = 1_440;

/** `HH:MM`, 00:00 to 24:00, as minutes since midnight. */
export function minuteOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));
}

export function timeOf(minute: number): string {
  const two = (it: number): string => String(it).padStart(2, '0');
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

/** Hours of one band within one day. */
export interface DaySegment {
  readonly band: number;
  readonly fromMinute: number;
  readonly toMinute: number;
  /** The band begins here, so whatever stretch was before is over. */
  readonly opens: boolean;
}

/** The bands of each kind of day in the order of the clock. Without a band for HOLIDAY a holiday is like any day of its name. */
export type Programme = Readonly<Record<DayType, readonly DaySegment[]>>;

/** Lays out the bands of each day of a table. */
export function programmeOf(table: Pick<RateTable, 'bands'>): Programme {
  const segmentsOf = (type: DayType): DaySegment[] =>
    table.bands
      .flatMap((band, i) => (band.days.includes(type) ? segmentsOfBand(band, i) : []))
      .sort((a, b) => a.fromMinute - b.fromMinute || a.toMinute - b.toMinute);
  const hasHolidays = table.bands.some((it) => it.days.includes('HOLIDAY'));
  const entries = DAY_TYPES.map((type) => [type, segmentsOf(type)] as const);
  const programme = Object.fromEntries(entries) as Record<DayType, DaySegment[]>;
  return hasHolidays ? programme : { ...programme, HOLIDAY: [] };
}

function segmentsOfBand({ from, to }: Band, band: number): DaySegment[] {
  const [first, end] = [minuteOf(from), minuteOf(to)];
  if (first < end) return [{ band, fromMinute: first, toMinute: end, opens: true }];
  const evening = { band, fromMinute: first, toMinute: MINUTES_OF_DAY, opens: true };
  return end === 0 ? [evening] : [{ band, fromMinute: 0, toMinute: end, opens: false }, evening];
}

/** The segments of a day: HOLIDAY wins over the weekday, where the table has a word for it. */
export function segmentsOn(
  programme: Programme,
  day: { readonly weekday: Weekday; readonly isHoliday: boolean },
): readonly DaySegment[] {
  const { HOLIDAY: ofHolidays } = programme;
  return day.isHoliday && ofHolidays.length > 0 ? ofHolidays : programme[day.weekday];
}
