import * as fc from 'fast-check';
import {
  DAY_TYPES,
  timeOf,
  type Band,
  type Cap,
  type RateTable,
} from '../../../domain/parking/rate-table.ts';

const amount = fc.integer({ min: 0, max: 500 });
const unitMinutes = fc.constantFrom(1, 5, 10, 15, 20, 25, 30, 45, 60, 90, 180, 720, 1440);

/** Rates of some days: edges round the clock, from each to the next, so that they cover a day whatever they are. */
function bandsOf(days: Band['days']): fc.Arbitrary<Band[]> {
  const edge = fc.integer({ min: 0, max: 287 }).map((it) => it * 5);
  const rate = fc.record({
    unitMinutes,
    unitAmount: amount,
    maxAmount: fc.option(fc.integer({ min: 1, max: 2_000 }), { nil: undefined }),
  });
  return fc
    .uniqueArray(fc.tuple(edge, rate), { minLength: 1, maxLength: 4, selector: ([at]) => at })
    .map((edges) => {
      const inOrder = edges.toSorted(([a], [b]) => a - b);
      return inOrder.map(([at, it], i) => {
        const [next = 0] = inOrder[(i + 1) % inOrder.length] ?? [];
        return { days, from: timeOf(at), to: next === 0 ? '24:00' : timeOf(next), ...it };
      });
    });
}

/** The kinds of day in one to three groups. */
const groups = fc
  .array(fc.integer({ min: 0, max: 2 }), { minLength: DAY_TYPES.length, maxLength: DAY_TYPES.length })
  .map((of) => [0, 1, 2].map((group) => DAY_TYPES.filter((_, i) => of[i] === group)))
  .map((all) => all.filter((days) => days.length > 0));

const cap: fc.Arbitrary<Cap> = fc.oneof(
  fc.record({ kind: fc.constant('CALENDAR_DAY' as const), amount: fc.integer({ min: 1, max: 3_000 }) }),
  fc.record({
    kind: fc.constant('HOURS_AFTER_ENTRY' as const),
    hours: fc.constantFrom(1, 3, 6, 12, 24, 48),
    amount: fc.integer({ min: 1, max: 3_000 }),
    repeats: fc.boolean(),
  }),
);

/** A rate table without fault. */
export const randomTable: fc.Arbitrary<RateTable> = groups
  .chain((all) => fc.tuple(...all.map(bandsOf)))
  .chain((bands) =>
    fc.record({
      currency: fc.constant('JPY'),
      taxRatePercent: fc.constantFrom(0, 8.1, 10, 20),
      taxIncluded: fc.boolean(),
      boundary: fc.constantFrom('UNIT_BY_START' as const, 'RESTART_AT_BOUNDARY' as const),
      freeMinutes: fc.constantFrom(0, 0, 5, 30, 90),
      freeTime: fc.constantFrom('DEDUCTED' as const, 'CHARGED_IF_EXCEEDED' as const),
      exitGraceMinutes: fc.constant(15),
      bands: fc.constant(bands.flat()),
      caps: fc.array(cap, { maxLength: 3 }),
    }),
  );

export interface RandomStay {
  readonly zone: string;
  readonly entryMs: number;
  readonly exitMs: number;
}

const MINUTE_MS = 60_000;
/** Around a change of clocks or a holiday of each zone, or where neither is. */
const PLACES: readonly (readonly [string, string])[] = [
  ['Asia/Tokyo', '2026-09-21'],
  ['Asia/Tokyo', '2026-12-31'],
  ['Europe/Berlin', '2026-03-28'],
  ['Europe/Berlin', '2026-10-24'],
  ['America/New_York', '2026-03-07'],
  ['America/New_York', '2026-10-31'],
  ['Australia/Lord_Howe', '2026-04-04'],
  ['Australia/Lord_Howe', '2026-10-03'],
  ['Asia/Kathmandu', '2026-05-01'],
  ['America/Santiago', '2026-04-04'],
  ['America/Santiago', '2026-09-05'],
  ['America/Havana', '2026-10-31'],
];

/** A stay of whole minutes, up to four days. */
export const randomStay: fc.Arbitrary<RandomStay> = fc
  .record({
    place: fc.constantFrom(...PLACES),
    after: fc.integer({ min: 0, max: 2 * 1440 }),
    minutes: fc.oneof(fc.integer({ min: 0, max: 240 }), fc.integer({ min: 0, max: 4 * 1440 })),
  })
  .map(({ place: [zone, day], after, minutes }) => {
    const entryMs = Date.parse(day) + after * MINUTE_MS;
    return { zone, entryMs, exitMs: entryMs + minutes * MINUTE_MS };
  });
