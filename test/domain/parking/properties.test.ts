import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { holidaysOfZone } from '../../../db/public-holiday.ts';
import { tariffCalendar } from '../../../db/tariff-calendar.ts';
import { feeOf, tariffOf, type Fee } from '../../../domain/parking/fee.ts';
import { rateTableFaults } from '../../../domain/parking/rate-table-faults.ts';
import type { RateTable } from '../../../domain/parking/rate-table.ts';
import { slowFee } from './minute-by-minute.ts';
import { randomStay, randomTable, type RandomStay } from './random-tables.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

function feeFor(table: RateTable, { zone, entryMs, exitMs }: RandomStay): Fee {
  return feeOf(tariffOf(table), tariffCalendar(zone, holidaysOfZone(zone)), { entryMs, exitMs });
}

function withoutTaxOnTop(fee: Fee): number {
  return fee.taxIncluded ? fee.amount : fee.amount - fee.taxAmount;
}

describe('a fee of any table, for any stay', { timeout: 120_000 }, () => {
  it('is what somebody finds who watches the clock minute by minute', () => {
    fc.assert(
      fc.property(randomTable, randomStay, (table, stay) => {
        expect(rateTableFaults({ ...table, caps: [] })).toEqual([]);
        const slow = slowFee(table, stay.zone, holidaysOfZone(stay.zone), stay);
        expect(withoutTaxOnTop(feeFor(table, stay))).toBe(slow);
      }),
      { numRuns: 300 },
    );
  });

  it('never falls as time grows within a session', () => {
    const later = fc.integer({ min: 1, max: 2 * 24 * 3_600_000 });
    fc.assert(
      fc.property(randomTable, randomStay, later, (table, stay, moreMs) => {
        const longer = feeFor(table, { ...stay, exitMs: stay.exitMs + moreMs });
        expect(longer.amount).toBeGreaterThanOrEqual(feeFor(table, stay).amount);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is never above the sum of its caps', () => {
    fc.assert(
      fc.property(randomTable, randomStay, (table, stay) => {
        const hours = (stay.exitMs - stay.entryMs) / HOUR_MS;
        const calendar = tariffCalendar(stay.zone, 'none');
        const days = new Set<string>();
        for (let atMs = stay.entryMs; atMs <= stay.exitMs; atMs += HOUR_MS / 2)
          days.add(calendar.dayAt(atMs).day);
        const bounds = table.caps.map((cap) => {
          if (cap.kind === 'CALENDAR_DAY') return cap.amount * (days.size + 1);
          if (cap.repeats) return cap.amount * Math.ceil(hours / cap.hours);
          return hours <= cap.hours ? cap.amount : Infinity;
        });
        expect(withoutTaxOnTop(feeFor(table, stay))).toBeLessThanOrEqual(Math.min(Infinity, ...bounds));
      }),
      { numRuns: 1_000 },
    );
  });

  it('is the sum of its lines, which follow each other in time and say why', () => {
    fc.assert(
      fc.property(randomTable, randomStay, (table, stay) => {
        const { amount, lines } = feeFor(table, stay);
        expect(lines.reduce((sum, line) => sum + line.amount, 0)).toBe(amount);
        const charged = lines.filter((it) => it.kind === 'UNITS');
        for (const [i, line] of charged.entries()) {
          expect(line.units).toBeGreaterThan(0);
          expect(line.fromMs).toBe(charged[i - 1]?.toMs ?? line.fromMs);
        }
        for (const line of lines) {
          expect(line.toMs).toBeGreaterThan(line.fromMs);
          expect(line.why).not.toBe('');
          expect(line.amount < 0).toBe(line.kind === 'CAP' || line.kind === 'BAND_MAXIMUM');
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is the same to the moment that it says it is paid until', () => {
    fc.assert(
      fc.property(randomTable, randomStay, (table, stay) => {
        const fee = feeFor(table, stay);
        expect(fee.paidUntilMs).toBeGreaterThanOrEqual(stay.exitMs);
        expect(feeFor(table, { ...stay, exitMs: fee.paidUntilMs }).amount).toBe(fee.amount);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is the same under any time zone of the process', () => {
    const { TZ } = process.env;
    const offsets = new Set<number>();
    try {
      fc.assert(
        fc.property(randomTable, randomStay, (table, stay) => {
          const fees = ['UTC', 'Asia/Tokyo', 'America/New_York', 'Australia/Lord_Howe'].map((zone) => {
            process.env.TZ = zone;
            offsets.add(new Date(stay.entryMs).getTimezoneOffset());
            return JSON.stringify(feeFor(table, stay));
          });
          expect(new Set(fees).size).toBe(1);
        }),
        { numRuns: 200 },
      );
    } finally {
      if (TZ === undefined) delete process.env.TZ;
      else process.env.TZ = TZ;
    }
    // The zone of the process has really changed.
    expect(offsets.size).toBeGreaterThanOrEqual(4);
  });
});

it('a stay that ends before it begins, or lasts for years, is refused', () => {
  fc.assert(
    fc.property(randomTable, (table) => {
      const stay = { zone: 'Asia/Tokyo', entryMs: 1_000 };
      expect(() => feeFor(table, { ...stay, exitMs: 0 })).toThrow(RangeError);
      expect(() => feeFor(table, { ...stay, exitMs: 367 * 24 * HOUR_MS })).toThrow(RangeError);
      expect(() => feeFor(table, { ...stay, exitMs: NaN })).toThrow(RangeError);
    }),
    { numRuns: 5 },
  );
});
