import { randomBytes } from 'node:crypto';
import type { PaymentView } from '../../domain/payment/payment.ts';
import { apiClient, type Answer, type ApiCall } from './client.ts';

/** Where to talk to, and as whom: any running Kessai. */
export interface Target {
  readonly baseUrl: string;
  readonly adminKey: string;
}

export const uniqueId = (prefix: string): string => `${prefix}-${randomBytes(6).toString('hex')}`;

export interface GivenMerchant {
  readonly merchantId: string;
  readonly key: string;
  readonly call: ApiCall;
  /** Signing secret, if a webhook was asked for. */
  readonly webhookSecret: string | undefined;
}

/** A merchant with stores `s1`, `s2` and terminals `t1`, `t2` in each. */
export async function givenMerchant(
  stack: Target,
  it: { timeZone?: string; webhookUrl?: string; merchantId?: string; currency?: string } = {},
): Promise<GivenMerchant> {
  const merchantId = it.merchantId ?? uniqueId('m');
  const admin = apiClient(stack.baseUrl, stack.adminKey);
  const stored = await admin<{ webhook?: { secret: string } }>('PUT', `/v1/merchants/${merchantId}`, {
    name: 'Test Mart',
    timeZone: it.timeZone ?? 'Asia/Tokyo',
    ...(it.currency === undefined ? {} : { currency: it.currency }),
    stores: ['s1', 's2'].map((storeId) => ({ storeId, name: storeId, terminals: ['t1', 't2'] })),
    ...(it.webhookUrl === undefined ? {} : { webhook: { url: it.webhookUrl } }),
  });
  expectStatus(stored, 200);
  const made = await admin<{ key: string }>('POST', '/v1/keys', {
    role: 'merchant',
    tenantId: merchantId,
    name: 'tills',
  });
  expectStatus(made, 201);
  return {
    merchantId,
    key: made.body.key,
    call: apiClient(stack.baseUrl, made.body.key),
    webhookSecret: stored.body.webhook?.secret,
  };
}

export interface GivenPayer {
  readonly userId: string;
  readonly deviceId: string;
  readonly deviceToken: string;
  readonly call: ApiCall;
  /** A fresh one-time code. */
  code(): Promise<string>;
  /** Posted balance in minor units. */
  balance(): Promise<number>;
}

/** A user with a balance and an enrolled phone. */
export async function givenPayer(
  stack: Target,
  it: { balance?: number; timeZone?: string; locale?: string } = {},
): Promise<GivenPayer> {
  const userId = uniqueId('u');
  const admin = apiClient(stack.baseUrl, stack.adminKey);
  const user = {
    userId,
    displayName: 'Test User',
    locale: it.locale ?? 'ja',
    timeZone: it.timeZone ?? 'Asia/Tokyo',
  };
  expectStatus(await admin('POST', '/v1/users', user), 201);
  if (it.balance !== undefined && it.balance > 0) {
    const topUp = { topUpId: 'first', amount: it.balance, currency: 'JPY' };
    expectStatus(await admin('POST', `/v1/users/${userId}/top-ups`, topUp), 201);
  }
  const enrolment = await admin<{ enrolmentCode: string }>('POST', `/v1/users/${userId}/enrolments`);
  expectStatus(enrolment, 201);
  const device = await apiClient(stack.baseUrl)<{ deviceId: string; deviceToken: string }>(
    'POST',
    '/v1/devices',
    {
      enrolmentCode: enrolment.body.enrolmentCode,
      deviceName: 'phone',
    },
  );
  expectStatus(device, 201);
  const call = apiClient(stack.baseUrl, device.body.deviceToken);
  return {
    userId,
    ...device.body,
    call,
    async code() {
      const answer = await call<{ code: string }>('POST', '/v1/codes', {});
      expectStatus(answer, 201);
      return answer.body.code;
    },
    async balance() {
      const answer = await call<{ balance: { amount: number } }>('GET', '/v1/me');
      return answer.body.balance.amount;
    },
  };
}

export interface PaymentBody {
  merchantPaymentId: string;
  code: string;
  amount: number;
  currency: string;
  storeId: string;
  terminalId: string;
  [more: string]: unknown;
}

/** A body that would be accepted, with whatever the test wants otherwise. */
export function paymentBody(it: Partial<PaymentBody> & { code: string }): PaymentBody {
  return {
    merchantPaymentId: uniqueId('p'),
    amount: 500,
    currency: 'JPY',
    storeId: 's1',
    terminalId: 't1',
    ...it,
  };
}

/** Pays, and gives the answer whatever it is. */
export function pay(
  merchant: GivenMerchant,
  it: Partial<PaymentBody> & { code: string },
): Promise<Answer<PaymentView & { code?: string }>> {
  return merchant.call('POST', '/v1/payments', paymentBody(it));
}

export function expectStatus(answer: Answer<unknown>, status: number): void {
  if (answer.status !== status) {
    throw new Error(`expected ${status}, the API answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  }
}
