import type { Band, RateTable } from '../../../domain/parking/rate-table.ts';

const WEEK = ['MON', 'TUE', 'WED', 'THU', 'FRI'] as const;
const WEEKEND = ['SAT', 'SUN', 'HOLIDAY'] as const;
const DAILY = [...WEEK, ...WEEKEND] as const;

function band(
  days: Band['days'],
  from: string,
  to: string,
  unitMinutes: number,
  unitAmount: number,
  maxAmount?: number,
): Band {
  return { days, from, to, unitMinutes, unitAmount, ...(maxAmount === undefined ? {} : { maxAmount }) };
}

function table(bands: readonly Band[], more: Partial<RateTable> = {}): RateTable {
  return {
    currency: 'JPY',
    taxRatePercent: 10,
    taxIncluded: true,
    boundary: 'UNIT_BY_START',
    freeMinutes: 0,
    exitGraceMinutes: 15,
    bands,
    caps: [],
    ...more,
  };
}

const RESTART = { boundary: 'RESTART_AT_BOUNDARY' } as const;
const each24 = (amount: number) => ({ kind: 'HOURS_AFTER_ENTRY', hours: 24, amount, repeats: true }) as const;
const first24 = (amount: number) =>
  ({ kind: 'HOURS_AFTER_ENTRY', hours: 24, amount, repeats: false }) as const;
const perDay = (amount: number) => ({ kind: 'CALENDAR_DAY', amount }) as const;

const STATION = [band(DAILY, '08:00', '19:00', 15, 330), band(DAILY, '19:00', '08:00', 60, 110)];
const NEAR_DAWN = [band(DAILY, '08:00', '20:00', 20, 200), band(DAILY, '20:00', '08:00', 60, 200)];
const GS_PARK = [band(DAILY, '08:00', '20:00', 30, 200), band(DAILY, '20:00', '08:00', 60, 100)];
const HOURLY = [band(DAILY, '00:00', '24:00', 60, 100)];
const EURO = { currency: 'EUR', taxRatePercent: 19 } as const;
const NIGHT_CAR = [band(DAILY, '06:00', '22:00', 60, 300), band(DAILY, '22:00', '06:00', 60, 100)];

/** The rate tables of the worked cases, by the name that a case gives. */
export const TABLES = {
  'station by start': table(STATION),
  'station restart': table(STATION, RESTART),
  'near dawn by start': table(NEAR_DAWN),
  'near dawn restart': table(NEAR_DAWN, RESTART),
  '20 min 100': table([band(DAILY, '00:00', '24:00', 20, 100)]),
  '20 min 200, 1500 each 24 h': table([band(DAILY, '00:00', '24:00', 20, 200)], { caps: [each24(1500)] }),
  'GS Park': table(GS_PARK),
  'GS Park, 1000 a day': table(GS_PARK, { caps: [perDay(1000)] }),
  'GS Park, 1000 first 24 h': table(GS_PARK, { caps: [first24(1000)] }),
  'GS Park, 1000 by day': table([
    band(DAILY, '08:00', '20:00', 30, 200, 1000),
    band(DAILY, '20:00', '08:00', 60, 100),
  ]),
  '10 min 100, 2000 a day': table([band(DAILY, '00:00', '24:00', 10, 100)], { caps: [perDay(2000)] }),
  '10 min 100, 2000 each 24 h': table([band(DAILY, '00:00', '24:00', 10, 100)], { caps: [each24(2000)] }),
  '30 min 100, night 500, 900 each 24 h': table(
    [band(DAILY, '08:00', '20:00', 30, 100), band(DAILY, '20:00', '08:00', 30, 100, 500)],
    { caps: [each24(900)] },
  ),
  '30 min 500, 3000 first 6 h': table([band(DAILY, '00:00', '24:00', 30, 500)], {
    caps: [{ kind: 'HOURS_AFTER_ENTRY', hours: 6, amount: 3000, repeats: false }],
  }),
  'bay 11, 700 each 24 h': table(
    [band(DAILY, '08:00', '20:00', 30, 220), band(DAILY, '20:00', '08:00', 60, 110)],
    { caps: [each24(700)] },
  ),
  '30 min 500, night 800': table([
    band(DAILY, '07:00', '20:00', 30, 500),
    band(DAILY, '20:00', '07:00', 30, 500, 800),
  ]),
  'day 600, night 600': table([
    band(DAILY, '07:00', '19:00', 60, 100, 600),
    band(DAILY, '19:00', '07:00', 60, 100, 600),
  ]),
  hourly: table(HOURLY),
  'hourly restart': table(HOURLY, RESTART),
  'hourly, 600 a day': table(HOURLY, { caps: [perDay(600)] }),
  'hourly, 600 a stretch': table([band(DAILY, '00:00', '24:00', 60, 100, 600)]),
  'hourly, 800 first 24 h': table(HOURLY, { caps: [first24(800)] }),
  'hourly, 800 each 24 h': table(HOURLY, { caps: [each24(800)] }),
  'hourly, 500 a day or 700 each 24 h': table(HOURLY, { caps: [perDay(500), each24(700)] }),
  'hourly, 700 first 24 h or 900 a day': table(HOURLY, { caps: [first24(700), perDay(900)] }),
  'first 30 min free': table([band(DAILY, '00:00', '24:00', 30, 150)], { freeMinutes: 30 }),
  'first 30 min free, 24 h': table([band(DAILY, '00:00', '24:00', 30, 150)], {
    freeMinutes: 30,
    caps: [each24(900)],
  }),
  '10 min grace': table([band(DAILY, '00:00', '24:00', 30, 60)], {
    currency: 'SGD',
    freeMinutes: 10,
    freeTime: 'CHARGED_IF_EXCEEDED',
    taxRatePercent: 9,
  }),
  'free before eight': table(
    [band(DAILY, '08:00', '20:00', 30, 200), band(DAILY, '20:00', '08:00', 60, 100)],
    { freeMinutes: 30 },
  ),
  Singapore: table(
    [
      band(['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'], '07:00', '17:00', 30, 120),
      band(['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'], '17:00', '22:30', 30, 60),
      band(['SUN', 'HOLIDAY'], '07:00', '22:30', 30, 60),
      band(DAILY, '22:30', '07:00', 30, 60, 500),
    ],
    { currency: 'SGD', taxRatePercent: 9 },
  ),
  weekend: table([band(WEEK, '00:00', '24:00', 60, 200), band(WEEKEND, '00:00', '24:00', 60, 400)]),
  'weekend restart': table(
    [band(WEEK, '00:00', '24:00', 60, 200), band(WEEKEND, '00:00', '24:00', 60, 400)],
    RESTART,
  ),
  'no word of holidays': table([
    band(WEEK, '00:00', '24:00', 60, 200),
    band(['SAT', 'SUN'], '00:00', '24:00', 60, 400),
  ]),
  'weekday nights': table([
    band(WEEK, '08:00', '20:00', 60, 300),
    band(WEEK, '20:00', '08:00', 60, 100, 400),
    band(WEEKEND, '00:00', '24:00', 60, 200),
  ]),
  'flat night': table([band(DAILY, '08:00', '22:00', 30, 200), band(DAILY, '22:00', '08:00', 60, 800, 800)]),
  'flat day from eight': table([band(DAILY, '08:00', '08:00', 1440, 1200, 1200)]),
  'one price for 12 h': table([band(DAILY, '00:00', '24:00', 720, 500)]),
  locker: table([band(DAILY, '00:00', '24:00', 1440, 400)]),
  'bicycle, 100 a day': table([band(DAILY, '00:00', '24:00', 1440, 100, 100)], RESTART),
  'Berlin nights': table(NIGHT_CAR, EURO),
  'Berlin nights restart': table(NIGHT_CAR, { ...EURO, ...RESTART }),
  'Berlin, edge in the lost hour': table(
    [band(DAILY, '02:30', '12:00', 30, 100), band(DAILY, '12:00', '02:30', 30, 50)],
    { ...EURO, ...RESTART },
  ),
  'Berlin, 10 a day': table([band(DAILY, '00:00', '24:00', 60, 100)], { ...EURO, caps: [perDay(1000)] }),
  'Berlin, 10 each 24 h': table([band(DAILY, '00:00', '24:00', 60, 100)], { ...EURO, caps: [each24(1000)] }),
  'tax on top': table([band(DAILY, '00:00', '24:00', 20, 105)], { taxIncluded: false }),
  'tax of 8.1 %': table([band(DAILY, '00:00', '24:00', 30, 50)], { currency: 'CHF', taxRatePercent: 8.1 }),
  'tax on top of a cap': table([band(DAILY, '00:00', '24:00', 60, 100)], {
    taxIncluded: false,
    caps: [each24(995)],
  }),
  'no tax': table(HOURLY, { taxRatePercent: 0 }),
  'free at night': table([band(DAILY, '08:00', '20:00', 60, 300), band(DAILY, '20:00', '08:00', 60, 0)]),
  'free at night restart': table(
    [band(DAILY, '08:00', '20:00', 60, 300), band(DAILY, '20:00', '08:00', 60, 0)],
    RESTART,
  ),
  'long units by start': table([
    band(DAILY, '08:00', '10:00', 180, 500),
    band(DAILY, '10:00', '11:00', 60, 300),
    band(DAILY, '11:00', '08:00', 60, 100),
  ]),
} as const satisfies Record<string, RateTable>;

export type TableName = keyof typeof TABLES;
