import { createHmac, randomBytes, randomInt } from 'node:crypto';
import { insertOneTimeCode } from '../db/code.ts';
import { createEnrolment, enrolDevice } from '../db/device.ts';
import { newId } from '../db/id.ts';
import { createKey } from '../db/key.ts';
import { accountId, postTransfer } from '../db/ledger.ts';
import { putMerchant } from '../db/merchant.ts';
import { putParkingOperator } from '../db/parking.ts';
import type { Pool } from '../db/pool.ts';
import { createUser } from '../db/user.ts';
import { assertDefined } from '../domain/assert.ts';
import { BODY_LENGTH, DEFAULT_CODE_PREFIX, formatCode, ONLINE_CODE_TTL_MS } from '../domain/code/format.ts';

/** So many that two payments in flight seldom have the same payer: its lock is not what is measured. */
const PAYERS = 200;
const TOP_UP_MINOR = 100_000_000_000;
const CURRENCY = 'JPY';

export interface Payer {
  readonly userId: string;
  readonly deviceId: string;
}

/** A merchant without webhook, its key, a parking operator, and payers with money and a device each. */
export interface People {
  readonly merchantId: string;
  readonly merchantKey: string;
  readonly storeId: string;
  readonly terminalId: string;
  /** A parking operator. */
  readonly operatorId: string;
  readonly payers: readonly Payer[];
  /** base64 of 32 bytes: the API digests codes with the same. */
  readonly codePepper: string;
}

export async function seedPeople(pool: Pool): Promise<People> {
  const run = `bench-${randomBytes(4).toString('hex')}`;
  await putMerchant(pool, {
    merchantId: run,
    name: 'Bench',
    timeZone: 'Asia/Tokyo',
    currency: CURRENCY,
    webhookUrl: null,
    stores: [{ storeId: 'store-1', name: 'Bench', terminals: ['till-1'] }],
  });
  await putParkingOperator(pool, {
    operatorId: run,
    name: 'Bench Parking',
    timeZone: 'Asia/Tokyo',
    feeSource: 'KESSAI',
    fallbackToRateTable: false,
    // So that no operator's server is measured.
    release: 'OPERATOR_CONFIRM',
  });
  const { key } = await createKey(pool, { role: 'merchant', tenantId: run, name: 'bench' });
  const payers: Payer[] = [];
  await eachOf(PAYERS, 8, async (index) => {
    const { userId, deviceId } = await seedPayer(pool, `${run}-${index}`);
    payers.push({ userId, deviceId });
  });
  return {
    merchantId: run,
    merchantKey: key,
    storeId: 'store-1',
    terminalId: 'till-1',
    operatorId: run,
    payers,
    codePepper: randomBytes(32).toString('base64'),
  };
}

/** A user with money and one device. */
export async function seedPayer(pool: Pool, userId: string): Promise<Payer & { deviceToken: string }> {
  await createUser(pool, {
    userId,
    displayName: userId,
    locale: 'ja',
    timeZone: 'Asia/Tokyo',
    requestHash: userId,
  });
  await postTransfer(pool, {
    transferId: `topup:${userId}:bench`,
    kind: 'TOP_UP',
    currency: CURRENCY,
    postedAt: new Date(),
    entries: [
      { accountId: accountId.funding(CURRENCY), amount: -TOP_UP_MINOR },
      { accountId: accountId.user(userId, CURRENCY), amount: TOP_UP_MINOR },
    ],
  });
  const now = new Date();
  const enrolmentCode = await createEnrolment(pool, userId, new Date(now.getTime() + 60_000));
  const enrolled = await enrolDevice(pool, { enrolmentCode, deviceName: 'bench', now });
  if (enrolled.kind !== 'enrolled') throw new Error(`no device for ${userId}: ${enrolled.kind}`);
  return { userId, deviceId: enrolled.deviceId, deviceToken: enrolled.deviceToken };
}

export interface IssuedCode {
  readonly code: string;
  readonly codeDigest: string;
}

/** Issues real one-time codes, spread over all payers, as `POST /v1/codes` does. */
export async function issueCodes(pool: Pool, people: People, count: number): Promise<IssuedCode[]> {
  const key = Buffer.from(people.codePepper, 'base64');
  const codes: IssuedCode[] = [];
  const first = randomInt(people.payers.length);
  await eachOf(count, 8, async (index) => {
    const payer = assertDefined(people.payers[(first + index) % people.payers.length]);
    const body = Array.from({ length: BODY_LENGTH }, () => String(randomInt(10))).join('');
    const code = formatCode(DEFAULT_CODE_PREFIX, 'ONLINE', body);
    const codeDigest = createHmac('sha256', key).update(code).digest('hex');
    const issuedAt = new Date();
    const expiresAt = new Date(issuedAt.getTime() + ONLINE_CODE_TTL_MS);
    await insertOneTimeCode(pool, { ...payer, codeDigest, fundingSource: 'BALANCE', issuedAt, expiresAt });
    codes.push({ code, codeDigest });
  });
  return codes;
}

let lastAmountMinor = 0;

/** What a till asks for; every amount is another one, so that no payment is SIMILAR_PAYMENT. */
export function newSale(people: People) {
  lastAmountMinor += 1;
  return {
    merchantPaymentId: newId('req'),
    storeId: people.storeId,
    terminalId: people.terminalId,
    amount: lastAmountMinor,
    currency: CURRENCY,
  };
}

/** More than any payer has. */
export const UNPAYABLE_MINOR = 10 * TOP_UP_MINOR - 1;

/** Runs `work` for 0..count-1, `width` at a time. */
export async function eachOf(
  count: number,
  width: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < count) {
        next += 1;
        await work(next - 1);
      }
    }),
  );
}
