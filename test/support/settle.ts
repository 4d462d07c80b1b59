import { randomBytes } from 'node:crypto';
import { insertOneTimeCode } from '../../db/code.ts';
import { createEnrolment, enrolDevice } from '../../db/device.ts';
import { settlePayment, type SettleRequest } from '../../db/payment.ts';
import type { Pool } from '../../db/pool.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import { PAYMENT_POLICY } from '../../domain/payment/payment.ts';
import { uniqueId } from './givens.ts';

/** Decides a payment of a user at merchant `shop` in the database alone; an online one with a code of its own. */
export async function settleDirectly(
  pool: Pool,
  userId: string,
  it: Partial<SettleRequest> & { amount: number },
): Promise<PaymentView> {
  const now = new Date();
  const codeDigest = randomBytes(32).toString('hex');
  if (it.codeMode !== 'OFFLINE') await givenCode(pool, userId, codeDigest, now);
  const merchantPaymentId = uniqueId('p');
  const { view } = await settlePayment(pool, {
    paymentId: `pay_${merchantPaymentId}`,
    merchantId: 'shop',
    merchantPaymentId,
    storeId: 's1',
    terminalId: 't1',
    currency: 'JPY',
    acceptSimilar: false,
    codeMode: 'ONLINE',
    codeDigest,
    requestHash: merchantPaymentId,
    attemptId: 'a',
    requestedAt: now.toISOString(),
    decidedAt: now.toISOString(),
    policyVersion: PAYMENT_POLICY.version,
    similarWindowMs: PAYMENT_POLICY.similarWindowMs,
    cancelUntilMinutesOfNextDay: PAYMENT_POLICY.cancelUntilMinutesOfNextDay,
    ...it,
  });
  return view;
}

/** A one-time code on a phone of its own. */
async function givenCode(pool: Pool, userId: string, codeDigest: string, now: Date): Promise<void> {
  const enrolmentCode = await createEnrolment(pool, userId, new Date(now.getTime() + 60_000));
  const device = await enrolDevice(pool, { enrolmentCode, deviceName: 'phone', now });
  if (device.kind !== 'enrolled') throw new Error(device.kind);
  await insertOneTimeCode(pool, {
    codeDigest,
    userId,
    deviceId: device.deviceId,
    fundingSource: 'BALANCE',
    issuedAt: now,
    expiresAt: new Date(now.getTime() + 300_000),
  });
}
