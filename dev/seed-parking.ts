import { caller, type Call } from './caller.ts';

/** The reference operator, whose server says the fees and lets drivers go, and one with nothing but a cash machine. */
export const OPERATORS = { server: 'central-parking', noServer: 'temple-lot' } as const;

/** An operator as `dev.json` names it. */
export interface SeededOperator {
  readonly operatorId: string;
  /** Of role parking. */
  readonly key: string;
  readonly placeIds: readonly string[];
}

interface Place {
  readonly placeId: string;
  readonly name: string;
  readonly position: { readonly lat: number; readonly lon: number };
  readonly siteCode: string;
  readonly spaces: readonly string[];
  /** How long a driver who has paid may take to leave. */
  readonly exitGraceMinutes: { readonly kessai: number; readonly operator: number };
}

const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i + 1));

/** Flaps under twelve spaces; and a barrier for those who fetch somebody, with tickets, where who has paid leaves at once. */
const CENTRAL: readonly Place[] = [
  {
    placeId: 'central-1',
    name: 'Central Parking 1',
    position: { lat: 35.6812, lon: 139.7671 },
    siteCode: 'CP-0001',
    spaces: numbered(12),
    exitGraceMinutes: { kessai: 5, operator: 5 },
  },
  {
    placeId: 'central-2',
    name: 'Central Parking 2 (barrier)',
    position: { lat: 35.6791, lon: 139.7659 },
    siteCode: 'CP-0002',
    spaces: [],
    exitGraceMinutes: { kessai: 0, operator: 1 },
  },
];

const TEMPLE: Place = {
  placeId: 'temple-1',
  name: 'Temple Lot',
  position: { lat: 35.6829, lon: 139.7702 },
  siteCode: 'TL-0001',
  spaces: numbered(8),
  exitGraceMinutes: { kessai: 10, operator: 10 },
};

const UNIT_MINUTES = 30;
const DAY_MAXIMUM_YEN = 2_000;
const TAX_RATE_PERCENT = 10;
const EVERY_DAY = ['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN', 'HOLIDAY'];

/** Kessai's table, the same fee as the reference operator's tariff: it stands in while that server is down. */
function rateTable(unitAmount: number, exitGraceMinutes: number): object {
  return {
    currency: 'JPY',
    taxRatePercent: TAX_RATE_PERCENT,
    taxIncluded: true,
    boundary: 'UNIT_BY_START',
    freeMinutes: 0,
    exitGraceMinutes,
    bands: [{ days: EVERY_DAY, from: '00:00', to: '24:00', unitMinutes: UNIT_MINUTES, unitAmount }],
    caps: [{ kind: 'HOURS_AFTER_ENTRY', hours: 24, amount: DAY_MAXIMUM_YEN, repeats: true }],
  };
}

const CENTRAL_UNIT_YEN = 300;
const TEMPLE_UNIT_YEN = 200;

export interface SeedParking {
  /** As admin of Kessai. */
  readonly admin: Call;
  readonly kessaiUrl: string;
  /** The reference server, as its staff. */
  readonly server: { readonly baseUrl: string; readonly adminKey: string };
  /** Keys of role parking. */
  readonly keys: { readonly central: string; readonly temple: string };
}

/**
 * Makes the reference parking operator and a Kessai known to each other, and stores an operator without a server beside it. What is
 * there stays; addresses follow the ports of this start.
 */
export async function seedParking(it: SeedParking): Promise<SeededOperator[]> {
  await storeOperators(it);
  await storePlaces(caller(it.kessaiUrl, it.keys.central), CENTRAL, CENTRAL_UNIT_YEN);
  await storePlaces(caller(it.kessaiUrl, it.keys.temple), [TEMPLE], TEMPLE_UNIT_YEN);
  await connect(it);
  return [
    {
      operatorId: OPERATORS.server,
      key: it.keys.central,
      placeIds: CENTRAL.map((place) => place.placeId),
    },
    { operatorId: OPERATORS.noServer, key: it.keys.temple, placeIds: [TEMPLE.placeId] },
  ];
}

async function storeOperators({ admin, server }: SeedParking): Promise<void> {
  const common = { timeZone: 'Asia/Tokyo', invoiceNumber: 'T1234567890123' };
  await admin('PUT', `/v1/parking/operators/${OPERATORS.server}`, {
    ...common,
    name: 'Central Parking',
    feeSource: 'OPERATOR',
    fallbackToRateTable: true,
    release: 'SERVER',
    baseUrl: server.baseUrl,
    phone: '+81 3-0000-0001',
  });
  await admin('PUT', `/v1/parking/operators/${OPERATORS.noServer}`, {
    ...common,
    name: 'Temple Lot',
    feeSource: 'KESSAI',
    release: 'OPERATOR_CONFIRM',
    phone: '+81 3-0000-0002',
  });
}

async function storePlaces(operator: Call, places: readonly Place[], unitAmount: number): Promise<void> {
  for (const { placeId, name, position, siteCode, spaces, exitGraceMinutes } of places) {
    await operator('PUT', `/v1/parking/places/${placeId}`, {
      kind: 'PARKING',
      name,
      position,
      siteCode,
      spaces,
      rateTable: rateTable(unitAmount, exitGraceMinutes.kessai),
    });
  }
}

/** The server's own places, where it tells of stays, and the secret that signs what it is told. */
async function connect({ admin, kessaiUrl, server, keys }: SeedParking): Promise<void> {
  const staff = caller(server.baseUrl, server.adminKey);
  for (const { placeId, name, spaces, exitGraceMinutes } of CENTRAL) {
    await staff('PUT', `/v1/places/${placeId}`, {
      name,
      spaces,
      tariff: {
        unitMinutes: UNIT_MINUTES,
        unitAmount: CENTRAL_UNIT_YEN,
        dayMaximum: DAY_MAXIMUM_YEN,
        taxRatePercent: TAX_RATE_PERCENT,
        exitGraceMinutes: exitGraceMinutes.operator,
      },
      acceptsOtherFees: true,
    });
  }
  await staff('PUT', '/v1/kessai', { baseUrl: kessaiUrl, key: keys.central });
  const { valid } = (await staff('GET', '/v1/signing-secrets')) as { valid: number };
  if (valid > 0) return;
  const path = `/v1/parking/operators/${OPERATORS.server}/signing-secret`;
  const { secret } = (await admin('POST', path)) as { secret: string };
  // The last step: a start that did not get here does it again.
  await staff('PUT', '/v1/signing-secrets', { secrets: [secret] });
}
