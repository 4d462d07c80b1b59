import { expect, it } from 'vitest';
import { tariffCalendar } from '../../../db/tariff-calendar.ts';
import { feeOf, tariffOf } from '../../../domain/parking/fee.ts';
import { TABLES } from './tables.ts';

const HOUR_MS = 3_600_000;

/** Fees a second of CPU for stays of so many hours, that begin all over a month. */
function rate(hours: number, count: number): number {
  const calendar = tariffCalendar('Asia/Tokyo', 'JP');
  const tariffs = [
    TABLES['30 min 100, night 500, 900 each 24 h'],
    TABLES.Singapore,
    TABLES['station restart'],
  ].map(tariffOf);
  const before = process.cpuUsage();
  let total = 0;
  for (let i = 0; i < count; i += 1) {
    const entryMs = Date.UTC(2026, 9, 1) + ((i * 7_919) % 43_200) * 60_000;
    for (const tariff of tariffs)
      total += feeOf(tariff, calendar, { entryMs, exitMs: entryMs + hours * HOUR_MS + i }).amount;
  }
  const { user, system } = process.cpuUsage(before);
  expect(total).toBeGreaterThan(0);
  return Math.round((count * tariffs.length * 1e6) / (user + system));
}

it('thousands of fees are worked out in a second, also of stays of 60 days', { timeout: 60_000 }, () => {
  rate(5, 1_000);
  const [short, long] = [rate(5, 5_000), rate(60 * 24, 500)];
  process.stdout.write(`${short} fees of 5 h and ${long} of 60 days a second of CPU\n`);
  expect(short).toBeGreaterThan(5_000);
  expect(long).toBeGreaterThan(1_000);
});
