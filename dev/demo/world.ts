import { randomBytes } from 'node:crypto';
import type { FundingSource } from '../../domain/payment/payment.ts';
import { demand, type Caller, type Trouble } from './http.ts';
import { inParallel } from './parallel.ts';
import type { Stack } from './stack.ts';

/** Everything a run makes for itself carries its run id, so that runs repeat without meeting each other. */
export interface World {
  readonly runId: string;
  readonly admin: Caller;
  readonly merchantId: string;
  /** The key that the tills of the merchant share. */
  readonly tills: Caller;
}

export interface Payer {
  readonly userId: string;
  readonly device: Caller;
  toppedUp: number;
  topUps: number;
  /** What the balance must be by the answers so far. */
  balance: number;
}

export interface StoreSpec {
  readonly storeId: string;
  readonly name: string;
  readonly terminals: readonly string[];
}

export interface MerchantSpec {
  readonly name: string;
  readonly stores: readonly StoreSpec[];
  readonly webhookUrl?: string;
}

/** `demo-` and eight characters: short enough to be part of ids, long enough never to meet another run. */
export function newRunId(): string {
  return `demo-${randomBytes(4).toString('hex')}`;
}

/** Makes the merchant of this run and a key for its tills; the webhook's secret comes with the first `webhookUrl`. */
export async function openWorld(
  stack: Stack,
  trouble: Trouble,
  spec: MerchantSpec,
): Promise<{ world: World; webhookSecret: string | undefined }> {
  const runId = newRunId();
  const { baseUrl } = stack;
  const admin: Caller = { baseUrl, key: stack.adminKey, trouble };
  const webhookSecret = await putMerchant(admin, runId, spec);
  const { key } = await demand(admin, 'POST', '/v1/keys', {
    role: 'merchant',
    tenantId: runId,
    name: 'tills of the demo',
  });
  const tills: Caller = { baseUrl, key: String(key), trouble };
  return { world: { runId, admin, merchantId: runId, tills }, webhookSecret };
}

/** Stores the merchant anew; without `webhookUrl` it gets no more events. */
export async function putMerchant(
  admin: Caller,
  merchantId: string,
  spec: MerchantSpec,
): Promise<string | undefined> {
  const { name, stores, webhookUrl } = spec;
  const stored = (await demand(admin, 'PUT', `/v1/merchants/${merchantId}`, {
    name,
    timeZone: 'Asia/Tokyo',
    currency: 'JPY',
    stores,
    ...(webhookUrl === undefined ? {} : { webhook: { url: webhookUrl } }),
  })) as { webhook?: { secret?: string } };
  return stored.webhook?.secret;
}

/** Who makes users, under a run's id. */
export type Town = Pick<World, 'runId' | 'admin'>;

/** New users, each with one enrolled device and an empty account. */
export async function addPayers(world: Town, names: readonly string[]): Promise<Payer[]> {
  const { admin, runId } = world;
  return inParallel(names, 8, async (name) => {
    const userId = `${runId}-${name}`;
    const user = { userId, displayName: name, locale: 'ja', timeZone: 'Asia/Tokyo' };
    await demand(admin, 'POST', '/v1/users', user);
    const { enrolmentCode } = await demand(admin, 'POST', `/v1/users/${userId}/enrolments`);
    const stranger: Caller = { ...admin, key: undefined };
    const device = await demand(stranger, 'POST', '/v1/devices', {
      enrolmentCode,
      deviceName: `phone of ${name}`,
    });
    const caller: Caller = { ...admin, key: String(device.deviceToken) };
    return { userId, device: caller, toppedUp: 0, topUps: 0, balance: 0 };
  });
}

/** Funds a payer's balance, in yen. */
export async function topUp(world: Pick<World, 'admin'>, payer: Payer, amount: number): Promise<void> {
  payer.topUps += 1;
  const body = { topUpId: `t${payer.topUps}`, amount, currency: 'JPY' };
  await demand(world.admin, 'POST', `/v1/users/${payer.userId}/top-ups`, body);
  payer.toppedUp += amount;
  payer.balance += amount;
}

/** The code that a payer's phone shows now. */
export async function fetchCode(payer: Payer, fundingSource: FundingSource = 'BALANCE'): Promise<string> {
  return String((await demand(payer.device, 'POST', '/v1/codes', { fundingSource })).code);
}
