import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPrincipal } from '../../db/key.ts';
import { assertDefined } from '../../domain/assert.ts';
import { apiClient } from '../support/client.ts';
import { givenMerchant, givenPayer, pay, type GivenMerchant } from '../support/givens.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';

let stack: Stack;
let merchant: GivenMerchant;

beforeAll(async () => {
  stack = await startStack();
  merchant = await givenMerchant(stack);
});
afterAll(() => stopWithSoundLedger(stack));

describe('what belongs to others', () => {
  it('is not found: payments, stores and tills of another merchant', async () => {
    const other = await givenMerchant(stack);
    const payer = await givenPayer(stack, { balance: 1_000 });
    const made = await pay(merchant, { code: await payer.code() });
    expect(await other.call('GET', `/v1/payments/${made.body.merchantPaymentId}`)).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND' },
    });
    const foreignStore = await pay(other, { code: await payer.code(), storeId: 'not-theirs' });
    expect(foreignStore).toMatchObject({ status: 404, body: { errors: [{ pointer: '/storeId' }] } });
    const foreignTill = await pay(other, { code: await payer.code(), terminalId: 'not-theirs' });
    expect(foreignTill).toMatchObject({ status: 404, body: { errors: [{ pointer: '/terminalId' }] } });
  });

  it('is not touched: a cancel by another merchant leaves a tombstone of its own only', async () => {
    const other = await givenMerchant(stack);
    const payer = await givenPayer(stack, { balance: 1_000 });
    const made = await pay(merchant, { code: await payer.code() });
    await other.call('POST', `/v1/payments/${made.body.merchantPaymentId}/cancel`, {});
    const mine = await merchant.call('GET', `/v1/payments/${made.body.merchantPaymentId}`);
    expect(mine.body).toMatchObject({ status: 'COMPLETED' });
  });
});

describe('keys', () => {
  it('are kept as hashes only', async () => {
    const stored = await stack.pool.query<{ row: string }>('select api_key::text as row from api_key');
    expect(stored.rows.some((it) => it.row.includes(merchant.key))).toBe(false);
    expect(assertDefined(await findPrincipal(stack.pool, merchant.key)).tenantId).toBe(merchant.merchantId);
  });

  it('stop working the moment they are revoked', async () => {
    const doomed = await givenMerchant(stack);
    const { keyId } = assertDefined(await findPrincipal(stack.pool, doomed.key));
    const admin = apiClient(stack.baseUrl, stack.adminKey);
    expect((await doomed.call('GET', '/v1/payments/x')).status).toBe(404);
    expect((await admin('DELETE', `/v1/keys/${keyId}`)).status).toBe(204);
    expect(await doomed.call('GET', '/v1/payments/x')).toMatchObject({
      status: 401,
      body: { code: 'UNAUTHENTICATED' },
    });
    expect((await admin('DELETE', `/v1/keys/${keyId}`)).status).toBe(204);
  });
});
