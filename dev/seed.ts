import { createKey, findPrincipal, type Role } from '../db/key.ts';
import { findMerchant } from '../db/merchant.ts';
import { createPool, type Pool } from '../db/pool.ts';
import { caller, type Call } from './caller.ts';
import { seedIssuer } from './seed-issuer.ts';
import { OPERATORS, seedParking, type SeededOperator } from './seed-parking.ts';

/** `.kessai/dev.json`: what tools and tests need to talk to the local stack (HTTP contract, last section). */
export interface DevStack {
  readonly baseUrl: string;
  readonly temporal: {
    readonly address: string;
    readonly namespace: string;
    readonly ui: string | undefined;
  };
  readonly databaseUrl: string;
  readonly keys: Readonly<Record<SeedRole, string>>;
  readonly merchantId: string;
  readonly storeId: string;
  readonly terminalId: string;
  readonly issuerId: string;
  readonly operatorId: string;
  /** The operator of `operatorId`, and one without a server. */
  readonly parkingOperators: readonly SeededOperator[];
  readonly serviceId: string;
  readonly partners: Readonly<Record<string, string>>;
  readonly users: readonly { readonly userId: string; readonly deviceToken: string }[];
}

type SeedRole = Exclude<Role, 'device'>;

export interface SeedInput {
  readonly baseUrl: string;
  readonly databaseUrl: string;
  readonly temporal: DevStack['temporal'];
  /** The reference issuer that runs beside it. */
  readonly issuer: { readonly baseUrl: string; readonly adminKey: string };
  /** The reference parking operator, likewise. */
  readonly parking: { readonly baseUrl: string; readonly adminKey: string };
  /** The `dev.json` of the start before, if there was one. */
  readonly previous?: unknown;
}

const TENANTS = {
  admin: 'kessai',
  merchant: 'demo-mart',
  issuer: 'demo-issuer',
  parking: OPERATORS.server,
  service: 'demo-service',
} as const satisfies Record<SeedRole, string>;

const USERS = [
  { userId: 'alice', displayName: 'Alice', balance: 100_000 },
  { userId: 'bob', displayName: 'Bob', balance: 0 },
] as const;

const TILLS = Array.from({ length: 8 }, (_, i) => `till-${i + 1}`);

/**
 * Gives a stack its demo merchant, keys and users through its own API; what is there already is left as it is, and keys of
 * the start before that still work are kept.
 */
export async function seed(input: SeedInput): Promise<DevStack> {
  const pool = createPool(input.databaseUrl, { max: 2, name: 'kessai-seed' });
  try {
    const before = (input.previous ?? {}) as Partial<DevStack>;
    const keys = Object.fromEntries(
      await Promise.all(
        Object.entries(TENANTS).map(async ([role, tenantId]) => [
          role,
          await keepOrMakeKey(pool, role as SeedRole, tenantId, before.keys?.[role as SeedRole]),
        ]),
      ),
    ) as Record<SeedRole, string>;
    const call = caller(input.baseUrl, keys.admin);

    if ((await findMerchant(pool, TENANTS.merchant)) === undefined) {
      await call('PUT', `/v1/merchants/${TENANTS.merchant}`, {
        name: 'Demo Mart',
        timeZone: 'Asia/Tokyo',
        currency: 'JPY',
        stores: [{ storeId: 'store-1', name: 'Shibuya', terminals: TILLS }],
      });
    }
    const users: { userId: string; deviceToken: string }[] = [];
    for (const user of USERS) {
      await call('POST', '/v1/users', {
        userId: user.userId,
        displayName: user.displayName,
        locale: 'ja',
        timeZone: 'Asia/Tokyo',
      });
      if (user.balance > 0) {
        const topUp = { topUpId: 'seed', amount: user.balance, currency: 'JPY' };
        await call('POST', `/v1/users/${user.userId}/top-ups`, topUp);
      }
      const known = before.users?.find((it) => it.userId === user.userId)?.deviceToken;
      users.push({ userId: user.userId, deviceToken: await keepOrEnrol(pool, call, user.userId, known) });
    }
    await seedIssuer(call, input.issuer, { issuerId: TENANTS.issuer, userId: USERS[0].userId });
    const temple = before.parkingOperators?.find((it) => it.operatorId === OPERATORS.noServer)?.key;
    const parkingOperators = await seedParking({
      admin: call,
      kessaiUrl: input.baseUrl,
      server: input.parking,
      keys: {
        central: keys.parking,
        temple: await keepOrMakeKey(pool, 'parking', OPERATORS.noServer, temple),
      },
    });
    return {
      baseUrl: input.baseUrl,
      temporal: input.temporal,
      databaseUrl: input.databaseUrl,
      keys,
      merchantId: TENANTS.merchant,
      storeId: 'store-1',
      terminalId: 'till-1',
      issuerId: TENANTS.issuer,
      operatorId: TENANTS.parking,
      parkingOperators,
      serviceId: TENANTS.service,
      partners: {
        issuer: input.issuer.baseUrl,
        issuerAdminKey: input.issuer.adminKey,
        parking: input.parking.baseUrl,
        parkingAdminKey: input.parking.adminKey,
      },
      users,
    };
  } finally {
    await pool.end();
  }
}

async function keepOrMakeKey(
  pool: Pool,
  role: SeedRole,
  tenantId: string,
  known: string | undefined,
): Promise<string> {
  const principal = known === undefined ? undefined : await findPrincipal(pool, known);
  if (known !== undefined && principal?.role === role && principal.tenantId === tenantId) return known;
  return (await createKey(pool, { role, tenantId, name: 'local stack' })).key;
}

async function keepOrEnrol(
  pool: Pool,
  call: Call,
  userId: string,
  known: string | undefined,
): Promise<string> {
  const principal = known === undefined ? undefined : await findPrincipal(pool, known);
  if (known !== undefined && principal?.tenantId === userId) return known;
  const { enrolmentCode } = (await call('POST', `/v1/users/${userId}/enrolments`)) as {
    enrolmentCode: string;
  };
  const device = await call('POST', '/v1/devices', { enrolmentCode, deviceName: `${userId}'s phone` });
  return (device as { deviceToken: string }).deviceToken;
}
