const DAILY = ['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN', 'HOLIDAY'];

const rateTable = {
  currency: 'JPY',
  taxRatePercent: 10,
  taxIncluded: true,
  boundary: 'UNIT_BY_START',
  freeMinutes: 0,
  exitGraceMinutes: 15,
  bands: [
    { days: DAILY, from: '08:00', to: '20:00', unitMinutes: 30, unitAmount: 200, maxAmount: 1000 },
    { days: DAILY, from: '20:00', to: '08:00', unitMinutes: 60, unitAmount: 100 },
  ],
  caps: [{ kind: 'HOURS_AFTER_ENTRY', hours: 24, amount: 1500, repeats: true }],
};

export const operator = {
  name: 'Yaizu City',
  timeZone: 'Asia/Tokyo',
  feeSource: 'KESSAI',
  release: 'OPERATOR_CONFIRM',
  invoiceNumber: 'T1234567890123',
  phone: '+81 54-000-0000',
};

export const place = {
  kind: 'PARKING',
  name: '焼津駅北口駐車場',
  position: { lat: 34.873047, lon: 138.318427 },
  spaces: ['1', '2', '3'],
  siteCode: 'YZ-0001',
  rateTable,
};

export const session = {
  placeId: 'yaizu-ekikita',
  space: '2',
  credential: 'ticket-4711',
  startedAt: '2026-11-22T10:00:00+09:00',
};

export const estimate = {
  rateTable,
  timeZone: 'Asia/Tokyo',
  startedAt: '2026-11-22T10:00:00+09:00',
  endedAt: '2026-11-23T08:00:00+09:00',
};
