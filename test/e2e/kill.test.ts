import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyLedger } from '../../db/ledger-verify.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import type { Answer } from '../support/client.ts';
import {
  givenMerchant,
  givenPayer,
  paymentBody,
  type GivenMerchant,
  type GivenPayer,
} from '../support/givens.ts';
import { startKessai, type KessaiPrograms } from '../support/kessai-programs.ts';
import { startWebhookReceiver } from '../support/webhook-receiver.ts';
import { until } from '../support/until.ts';

const TILLS = 6;
const KILLS = 4;
const AMOUNT = 100;
const TOP_UP = 1_000_000;

let kessai: KessaiPrograms;

beforeAll(async () => {
  kessai = await startKessai('kill');
});
afterAll(() => kessai.stop());

/** As a till does it: the same request under the same id until an answer comes that is one, then look until decided. */
async function persist(call: () => Promise<Answer<PaymentView>>): Promise<PaymentView> {
  return until(
    'an answer',
    async () => {
      const answer = await call().catch(() => undefined);
      const isDecided = answer?.status === 200 && answer.body.status !== 'IN_PROGRESS';
      return isDecided ? answer.body : undefined;
    },
    180_000,
  );
}

async function persistCode(payer: GivenPayer): Promise<string> {
  return until('a code', () => payer.code().catch(() => undefined), 180_000);
}

interface Till {
  readonly answers: PaymentView[];
  readonly canceled: Set<string>;
}

/** Pays, and cancels every fifth payment, until the killing is over. */
async function runTill(merchant: GivenMerchant, payer: GivenPayer, isOver: () => boolean): Promise<Till> {
  const answers: PaymentView[] = [];
  const canceled = new Set<string>();
  for (let i = 0; !isOver(); i++) {
    const body = paymentBody({ code: await persistCode(payer), amount: AMOUNT, acceptSimilar: true });
    const paid = await persist(() => merchant.call('POST', '/v1/payments', body));
    answers.push(paid);
    if (i % 5 === 4) {
      await persist(() => merchant.call('POST', `/v1/payments/${paid.merchantPaymentId}/cancel`, {}));
      canceled.add(paid.merchantPaymentId);
    }
  }
  return { answers, canceled };
}

describe('kill -9 of worker and API while tills pay', () => {
  it('loses no payment, takes none twice, and all reach a final state', { timeout: 480_000 }, async () => {
    const receiver = await startWebhookReceiver();
    const merchant = await givenMerchant(kessai, { webhookUrl: receiver.url });
    const payers = await Promise.all(
      Array.from({ length: TILLS }, () => givenPayer(kessai, { balance: TOP_UP })),
    );
    let killsLeft = KILLS;
    const killer = (async () => {
      while (killsLeft > 0) {
        // At any moment of the work, but only what has come up again: else nothing would ever be decided.
        await pause(Math.random() * 2_000);
        await (killsLeft % 2 === 0 ? kessai.worker() : kessai.api).killAndRestart();
        await kessai.ready();
        killsLeft -= 1;
      }
    })();
    const tills = await Promise.all(payers.map((payer) => runTill(merchant, payer, () => killsLeft === 0)));
    await killer;

    const answers = tills.flatMap((till) => till.answers);
    expect(answers.length).toBeGreaterThan(TILLS * 2);
    expect(new Set(answers.map((it) => it.status))).toEqual(new Set(['COMPLETED']));
    for (const [i, till] of tills.entries()) {
      expect(await payers[i]?.balance()).toBe(TOP_UP - (till.answers.length - till.canceled.size) * AMOUNT);
      for (const answer of till.answers) {
        const now = await merchant.call<PaymentView>('GET', `/v1/payments/${answer.merchantPaymentId}`);
        expect(now.body.status).toBe(till.canceled.has(answer.merchantPaymentId) ? 'CANCELED' : 'COMPLETED');
      }
    }
    const proof = await verifyLedger(kessai.pool);
    expect(proof.breaks).toEqual([]);
    // A try that died with its worker is given up after 30 s and made again.
    const undelivered = `select 1 from webhook_event where status <> 'DELIVERED'`;
    await until('every webhook', async () => (await kessai.pool.query(undelivered)).rowCount === 0, 90_000);
    const told = new Set(receiver.received.map((it) => it.headers['webhook-id']));
    const canceledCount = tills.reduce((sum, till) => sum + till.canceled.size, 0);
    expect(told.size).toBe(answers.length + canceledCount);
    receiver.close();
    const { workflow } = kessai.temporal;
    await until('the end of every workflow', async () => {
      const open = await workflow.count(`TaskQueue = '${kessai.taskQueue}' and ExecutionStatus = 'Running'`);
      return open.count === 0;
    });
    const failed = `TaskQueue = '${kessai.taskQueue}' and ExecutionStatus in ('Failed', 'Terminated', 'TimedOut')`;
    expect((await workflow.count(failed)).count).toBe(0);
  });
});
