import { afterAll, beforeAll, expect, it } from 'vitest';
import { OFFLINE_RULES } from '../../activities/payment.ts';
import { createEnrolment, enrolDevice } from '../../db/device.ts';
import { putMerchant } from '../../db/merchant.ts';
import { OFFLINE_POLICY } from '../../domain/code/offline-policy.ts';
import { timeStep } from '../../domain/code/offline.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import { uniqueId } from '../support/givens.ts';
import { createTestLedger } from '../support/ledger.ts';
import { settleDirectly } from '../support/settle.ts';

type Ledger = Awaited<ReturnType<typeof createTestLedger>>;
let ledger: Ledger;

beforeAll(async () => {
  ledger = await createTestLedger();
  await putMerchant(ledger.pool, {
    merchantId: 'shop',
    name: 'Shop',
    timeZone: 'Asia/Tokyo',
    currency: 'JPY',
    webhookUrl: null,
    stores: [],
  });
});
afterAll(() => ledger.drop());

const HANDLE = '0123456789';
const { maxFailures, blockMs } = OFFLINE_POLICY.throttle;

it('a thousand guesses within a minute, fifty at once, are ten chances; the next valid code after the block pays', async () => {
  const account = await ledger.givenAccount(1_000);
  const userId = account.split(':')[1] ?? '';
  const startMs = Date.now();
  const enrolmentCode = await createEnrolment(ledger.pool, userId, new Date(startMs + 60_000));
  const device = await enrolDevice(ledger.pool, { enrolmentCode, deviceName: 'phone', now: new Date() });
  if (device.kind !== 'enrolled') throw new Error(device.kind);
  await ledger.pool.query(
    `insert into offline_key (handle, user_id, device_id, sealed, issued_at, refresh_after) values ($1, $2, $3, '', now(), now())`,
    [HANDLE, userId, device.deviceId],
  );
  const present = (atMs: number, step: number | undefined): Promise<PaymentView> =>
    settleDirectly(ledger.pool, userId, {
      amount: 100,
      codeMode: 'OFFLINE',
      offlineHandle: HANDLE,
      offlineStep: step,
      offlinePolicy: OFFLINE_RULES,
      requestHash: uniqueId('h'),
      requestedAt: new Date(atMs).toISOString(),
      decidedAt: new Date(atMs).toISOString(),
    });

  const said: unknown[] = [];
  for (let round = 0; round < 20; round += 1) {
    const guesses = Array.from({ length: 50 }, (_, i) => present(startMs + round * 3_000 + i, undefined));
    said.push(...(await Promise.all(guesses)).map((it) => it.declineCode));
  }
  expect(said.filter((it) => it === 'CODE_INVALID')).toHaveLength(maxFailures);
  expect(said.filter((it) => it === 'TOO_MANY_ATTEMPTS')).toHaveLength(1_000 - maxFailures);

  const blocked = await present(startMs + blockMs - 1_000, timeStep(startMs + blockMs - 1_000));
  expect(blocked.declineCode).toBe('TOO_MANY_ATTEMPTS');
  const liftedMs = startMs + blockMs + 1_000;
  expect((await present(liftedMs, timeStep(liftedMs))).status).toBe('COMPLETED');
  expect(await ledger.balanceOf(account)).toEqual({ posted: 900, held: 0 });
});
