import { expect, it } from 'vitest';
import { rateTableFaults } from '../../../domain/parking/rate-table-faults.ts';
import { DAY_TYPES, type Band, type Cap } from '../../../domain/parking/rate-table.ts';

const band = (from: string, to: string, days: Band['days'] = DAY_TYPES): Band => ({
  days,
  from,
  to,
  unitMinutes: 60,
  unitAmount: 100,
});
const faults = (bands: readonly Band[], caps: readonly Cap[] = []) => rateTableFaults({ bands, caps });

it('bands that cover every day once are without fault, also across midnight and without a word of holidays', () => {
  const weekdays = DAY_TYPES.filter((it) => it !== 'HOLIDAY');
  expect(faults([band('00:00', '24:00')])).toEqual([]);
  expect(faults([band('08:00', '22:00'), band('22:00', '08:00')])).toEqual([]);
  expect(faults([band('08:00', '08:00')])).toEqual([]);
  expect(faults([band('00:00', '24:00', weekdays)])).toEqual([]);
});

it('every gap is told, with its days', () => {
  expect(
    faults([
      band('08:00', '12:00', ['MON', 'TUE', 'WED', 'THU', 'FRI']),
      band('13:00', '08:00', ['MON', 'TUE', 'WED', 'THU', 'FRI']),
      band('00:00', '23:00', ['SAT']),
    ]),
  ).toEqual([
    {
      path: ['bands'],
      detail: 'No band for 12:00-13:00 on MON, TUE, WED, THU, FRI; 23:00-24:00 on SAT; 00:00-24:00 on SUN.',
    },
  ]);
});

it('holidays are covered whole once a band names them', () => {
  const weekdays = DAY_TYPES.filter((it) => it !== 'HOLIDAY');
  expect(faults([band('00:00', '24:00', weekdays), band('08:00', '20:00', ['HOLIDAY'])])).toEqual([
    { path: ['bands'], detail: 'No band for 00:00-08:00 on HOLIDAY; 20:00-24:00 on HOLIDAY.' },
  ]);
});

it('every overlap is told at the later band of the two', () => {
  expect(faults([band('00:00', '24:00'), band('22:00', '06:00', ['FRI', 'SAT'])])).toEqual([
    {
      path: ['bands', 1, 'from'],
      detail: 'Overlaps with band 0 in 00:00-06:00 on FRI, SAT; band 0 in 22:00-24:00 on FRI, SAT.',
    },
  ]);
});

it('a second cap for the same period is told', () => {
  const day: Cap = { kind: 'CALENDAR_DAY', amount: 1 };
  const once: Cap = { kind: 'HOURS_AFTER_ENTRY', hours: 24, amount: 1, repeats: false };
  expect(faults([band('00:00', '24:00')], [day, once, { ...once, repeats: true }])).toEqual([]);
  expect(faults([band('00:00', '24:00')], [day, once, { ...once, amount: 2 }, day])).toEqual([
    { path: ['caps', 2], detail: 'Cap 1 is for the same period: the lower one alone counts.' },
    { path: ['caps', 3], detail: 'Cap 0 is for the same period: the lower one alone counts.' },
  ]);
});
