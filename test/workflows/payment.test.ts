import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_CODE_PREFIX, formatCode } from '../../domain/code/format.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import { paymentWorkflowId } from '../../workflows/payment/contract.ts';
import { givenMerchant, givenPayer, pay, type GivenMerchant } from '../support/givens.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { startWebhookReceiver } from '../support/webhook-receiver.ts';

let stack: Stack;
let merchant: GivenMerchant;

beforeAll(async () => {
  stack = await startStack({ tillDeadlineMs: 2_500 });
  merchant = await givenMerchant(stack);
});
afterAll(() => stopWithSoundLedger(stack));

async function historyOf(it: PaymentView): Promise<string[]> {
  const handle = stack.temporal.workflow.getHandle(paymentWorkflowId(it.merchantId, it.merchantPaymentId));
  await handle.result();
  const { events } = await handle.fetchHistory();
  return (events ?? []).map(
    (event) => Object.keys(event).find((key) => key.endsWith('EventAttributes')) ?? '',
  );
}

describe('the history of a payment', () => {
  it('that is completed without webhook has seven events, in one workflow task', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const { body } = await pay(merchant, { code: await payer.code() });
    const events = await historyOf(body);
    expect(events).toHaveLength(7);
    expect(events.filter((it) => it.startsWith('workflowTaskStarted'))).toHaveLength(1);
  });

  it('that is declined has six events', async () => {
    const payer = await givenPayer(stack);
    const { body } = await pay(merchant, { code: await payer.code() });
    expect(body.declineCode).toBe('INSUFFICIENT_FUNDS');
    expect(await historyOf(body)).toHaveLength(6);
  });

  it('with a webhook has five more, and the till does not wait for them', async () => {
    const receiver = await startWebhookReceiver();
    const shop = await givenMerchant(stack, { webhookUrl: receiver.url });
    const payer = await givenPayer(stack, { balance: 1_000 });
    const { body } = await pay(shop, { code: await payer.code() });
    expect(await historyOf(body)).toHaveLength(12);
    await until('the webhook', () => receiver.received.length === 1);
    receiver.close();
  });

  it('holds no code, no key and no name', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const code = await payer.code();
    const { body } = await pay(merchant, { code });
    const handle = stack.temporal.workflow.getHandle(
      paymentWorkflowId(body.merchantId, body.merchantPaymentId),
    );
    const text = JSON.stringify(await handle.fetchHistory());
    const decoded = [...text.matchAll(/"data":"([^"]+)"/g)].map((it) =>
      Buffer.from(it[1] ?? '', 'base64').toString(),
    );
    const all = [text, ...decoded].join('\n');
    expect(all).toContain(body.paymentId);
    for (const secret of [code, merchant.key, payer.deviceToken, 'Test User'])
      expect(all).not.toContain(secret);
  });
});

describe('in Temporal Web UI a payment', () => {
  it('shows amount and store, its details, and is found by status and merchant', async () => {
    const payer = await givenPayer(stack, { balance: 5_000 });
    const { body } = await pay(merchant, { code: await payer.code(), amount: 1_234 });
    const handle = stack.temporal.workflow.getHandle(
      paymentWorkflowId(body.merchantId, body.merchantPaymentId),
    );
    await handle.result();
    const description = await handle.describe();
    expect(await description.staticSummary()).toBe(`1,234 JPY at ${merchant.merchantId}/s1`);
    const metadata = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(metadata.currentDetails).toContain('### 1,234 JPY: **COMPLETED**');
    expect(metadata.currentDetails).toContain(body.paymentId);
    await until('visibility', async () => {
      const query = `PaymentStatus = 'COMPLETED' and MerchantId = '${merchant.merchantId}' and AwaitingOperator = false`;
      for await (const it of stack.temporal.workflow.list({ query })) {
        if (it.workflowId === handle.workflowId) return true;
      }
      return false;
    });
  });
});

describe('an unknown code', () => {
  it('is a decision of its own, with no payer told', async () => {
    const { body } = await pay(merchant, { code: formatCode(DEFAULT_CODE_PREFIX, 'ONLINE', '9'.repeat(16)) });
    expect(body).toMatchObject({ status: 'DECLINED', declineCode: 'CODE_INVALID' });
    expect(await historyOf(body)).toHaveLength(6);
  });
});
