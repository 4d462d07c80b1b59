import { createHash } from 'node:crypto';
import { newId } from '../db/id.ts';
import type { Pool } from '../db/pool.ts';
import { putReceipt, takeReceipt } from '../db/receipt.ts';
import { withTransaction } from '../db/tx.ts';
import { receiptText } from '../domain/payment/receipt-text.ts';
import { PUSH_TTL_MS } from '../domain/push/send.ts';
import { createWaker } from './wake.ts';

/**
 * Writes the receipt of an offline payment into its payer's inbox, from where it is pushed. Not in the payment's workflow, and after
 * its till has its answer: neither history nor till pays for it.
 */
export function createReceiptWriter(pool: Pool): (paymentId: string) => Promise<void> {
  const wake = createWaker(pool);
  return async (paymentId) => {
    const userId = await withTransaction(pool, async (tx) => {
      const facts = await takeReceipt(tx, paymentId);
      if (facts === undefined) return undefined;
      const messageId = newId('msg');
      return putReceipt(tx, {
        paymentId,
        messageId,
        ...receiptText(facts, facts.locale),
        link: `/wallet/payments/${paymentId}?message=${messageId}`,
        pushTopic: createHash('sha256').update(paymentId).digest('base64url').slice(0, 32),
        pushUntil: new Date(Date.parse(facts.decidedAt) + PUSH_TTL_MS.PAYMENT).toISOString(),
      });
    });
    if (userId !== undefined) wake({ userId, replayed: false });
  };
}
