import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OFFLINE_POLICY } from '../../domain/code/offline-policy.ts';
import { timeStep } from '../../domain/code/offline.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import { paymentWorkflowId, resolveDispute } from '../../workflows/payment/contract.ts';
import { AWAITING_OPERATOR } from '../../workflows/search-attributes.ts';
import { givenMerchant, givenPayer, pay, paymentBody, type GivenMerchant } from '../support/givens.ts';
import {
  givenAnotherPhone,
  givenOfflinePhone,
  lastStep,
  type OfflinePhone,
  stepNow,
} from '../support/offline.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { createTimeSkippingServer } from '../support/temporal.ts';
import { until } from '../support/until.ts';

/** Days pass in seconds here, and the phone's clock goes with the server's. A server a test, as in time.test.ts. */
let environment: TestWorkflowEnvironment;
let stack: Stack;
let merchant: GivenMerchant;

beforeEach(async () => {
  environment = await createTimeSkippingServer();
  stack = await startStack({ environment });
  merchant = await givenMerchant(stack);
});
afterEach(async () => {
  await stopWithSoundLedger(stack);
  await environment.teardown();
});

const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;

async function stepOfServer(): Promise<number> {
  return timeStep(await environment.currentTimeMs());
}

/** The phone was seen: its key is fresh by the skipped clock. */
async function seen(phone: OfflinePhone): Promise<void> {
  await stack.pool.query('update device set last_contact_at = $2 where device_id = $1', [
    phone.deviceId,
    new Date(await environment.currentTimeMs()),
  ]);
}

/** Pays with the code of the step that it is on the server's skipped clock. */
async function payOffline(phone: OfflinePhone, amount: number): Promise<PaymentView> {
  await seen(phone);
  const { body } = await pay(merchant, paymentBody({ code: await phone.code(await stepOfServer()), amount }));
  return body;
}

describe('an offline payment', () => {
  it('that no journal names for seven days is UNCONFIRMED, and a journal after that still confirms it', async () => {
    const phone = await givenOfflinePhone(await givenPayer(stack, { balance: 1_000 }));
    const step = stepNow();
    const { body } = await pay(merchant, { code: await phone.code(step), amount: 500 });
    const handle = stack.temporal.workflow.getHandle(
      paymentWorkflowId(merchant.merchantId, body.merchantPaymentId),
    );
    expect(await handle.result()).toMatchObject({ status: 'COMPLETED', reconciliation: 'UNCONFIRMED' });
    const { closeTime, startTime } = await handle.describe();
    const waitedMs = Number(closeTime) - Number(startTime);
    expect(waitedMs).toBeGreaterThanOrEqual(OFFLINE_POLICY.journalDeadlineMs);
    expect(waitedMs).toBeLessThan(OFFLINE_POLICY.journalDeadlineMs + 60_000);

    const late = await phone.journal({ steps: [step], fromStep: step, toStep: step });
    expect(late.body.results).toMatchObject([{ outcome: 'MATCHED', payment: { reconciliation: 'MATCHED' } }]);
  });

  it('that was UNCONFIRMED is disputed by a journal that comes then and lacks it: its workflow waits for an operator again', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const phone = await givenOfflinePhone(payer);
    const step = await lastStep();
    const { body } = await pay(merchant, { code: await phone.code(step), amount: 500 });
    const workflowId = paymentWorkflowId(merchant.merchantId, body.merchantPaymentId);
    const first = stack.temporal.workflow.getHandle(workflowId);
    expect(await first.result()).toMatchObject({ reconciliation: 'UNCONFIRMED' });
    const look = async () =>
      (await merchant.call<PaymentView>('GET', `/v1/payments/${body.merchantPaymentId}`)).body;
    for (let time = 1; time <= 2; time++) {
      expect((await phone.journal({ steps: [], fromStep: step, toStep: step })).status).toBe(200);
      expect((await look()).reconciliation).toBe('DISPUTED');
    }
    const revoked = await stack.pool.query('select revoke_reason from offline_key where handle = $1', [
      phone.handle,
    ]);
    expect(revoked.rows).toEqual([{ revoke_reason: 'DISPUTED' }]);
    const again = stack.temporal.workflow.getHandle(workflowId);
    await until('the operator to be asked', async () => {
      const { typedSearchAttributes } = await again.describe();
      return typedSearchAttributes.get(AWAITING_OPERATOR) === true;
    });
    await again.signal(resolveDispute, { operator: 'mei', action: 'REFUND', reason: 'was abroad' });
    expect(await again.result()).toMatchObject({ status: 'REFUNDED', reconciliation: 'RESOLVED' });
    expect(await payer.balance()).toBe(1_000);
  });

  it('is refused the sixth time in 24 hours and taken again when the first is a day old', async () => {
    const payer = await givenPayer(stack, { balance: 100_000 });
    const phone = await givenOfflinePhone(payer);
    const said: unknown[] = [];
    for (let i = 0; i < 6; i += 1) {
      const view = await payOffline(phone, 1_000 + i);
      said.push(view.declineCode ?? view.status);
      await environment.sleep('1 hour');
    }
    expect(said).toEqual([...Array<string>(5).fill('COMPLETED'), 'OFFLINE_LIMIT_COUNT']);
    await environment.sleep('17 hours');
    // 23 hours after the first.
    expect((await payOffline(phone, 2_000)).declineCode).toBe('OFFLINE_LIMIT_COUNT');
    await environment.sleep(61 * MINUTE_MS);
    expect((await payOffline(phone, 2_001)).status).toBe('COMPLETED');
  });

  it('is refused the eleventh time in 30 days, from whatever phone, and taken again after them', async () => {
    const payer = await givenPayer(stack, { balance: 100_000 });
    const phones = [await givenOfflinePhone(payer), await givenAnotherPhone(stack, payer)] as const;
    for (let day = 0; day < 10; day += 1) {
      const phone = phones[day % 2 === 0 ? 0 : 1];
      expect((await payOffline(phone, 1_000 + day)).status).toBe('COMPLETED');
      await environment.sleep('2 days');
    }
    expect((await payOffline(phones[0], 3_000)).declineCode).toBe('OFFLINE_LIMIT_COUNT');
    await environment.sleep(10 * DAY_MS + MINUTE_MS);
    expect((await payOffline(phones[1], 3_001)).status).toBe('COMPLETED');
  });

  it('with a phone that was last seen a week ago is refused to the minute', async () => {
    const phone = await givenOfflinePhone(await givenPayer(stack, { balance: 10_000 }));
    await seen(phone);
    await environment.sleep(OFFLINE_POLICY.freshnessMs - MINUTE_MS);
    const first = await pay(merchant, { code: await phone.code(await stepOfServer()), amount: 500 });
    expect(first.body.status).toBe('COMPLETED');
    await environment.sleep('1 minute');
    const second = await pay(merchant, { code: await phone.code(await stepOfServer()), amount: 600 });
    expect(second.body.declineCode).toBe('OFFLINE_KEY_STALE');
  });
});
