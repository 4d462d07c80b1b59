import { oneRow, rows, type Db } from './pool.ts';

/** What the receipt of an offline payment is written from. */
export interface ReceiptFacts {
  readonly isCompleted: boolean;
  readonly amount: number;
  readonly currency: string;
  readonly merchantName: string;
  readonly locale: string;
  readonly decidedAt: string;
  readonly hasOpenDebt: boolean;
}

/** Offline payments whose payer is to have a receipt, oldest first. */
export async function listReceiptsDue(db: Db, limit: number): Promise<string[]> {
  const statement = {
    name: 'receipt_due',
    text: 'select payment_id as "paymentId" from payment_receipt_due order by due_at limit $1',
  };
  return (await rows<{ paymentId: string }>(db, statement, [limit])).map((it) => it.paymentId);
}

/** Takes a receipt to the end of the transaction; undefined if it is written, or somebody else is at it. */
export async function takeReceipt(tx: Db, paymentId: string): Promise<ReceiptFacts | undefined> {
  const statement = { name: 'receipt_facts', text: 'select receipt_facts($1) as facts' };
  return (await oneRow<{ facts: ReceiptFacts | null }>(tx, statement, [paymentId])).facts ?? undefined;
}

/** Puts it into the payer's inbox, once; answers whose that is. */
export async function putReceipt(
  tx: Db,
  receipt: {
    paymentId: string;
    messageId: string;
    title: string;
    body: string;
    link: string;
    pushBody: string;
    pushTopic: string;
    pushUntil: string;
  },
): Promise<string> {
  const statement = { name: 'receipt_put', text: 'select receipt_put($1::jsonb) as "userId"' };
  return (await oneRow<{ userId: string }>(tx, statement, [JSON.stringify(receipt)])).userId;
}
