import { expect } from 'vitest';
import { accountId, entrySum } from '../../db/ledger.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import {
  expectStatus,
  givenPayer,
  pay,
  paymentBody,
  type GivenMerchant,
  type GivenPayer,
  type PaymentBody,
  type Target,
} from './givens.ts';
import { connectIssuer, givenPayLater, startIssuer, type TestIssuer } from './issuer.ts';
import type { Stack } from './stack.ts';
import { until } from './until.ts';

/** A Kessai and an issuer that know each other. */
export interface CreditSide {
  readonly issuer: TestIssuer;
  readonly issuerId: string;
  /** A user without a balance and with a credit line, who has paid 500, or what is asked for, on credit. */
  paid(merchant: GivenMerchant, amount?: number): Promise<PaidOnCredit>;
  /** Asserts that the issuer's books add up, and that they say what the ledger says. */
  expectBooksAgree(): Promise<void>;
}

export interface PaidOnCredit {
  readonly payer: GivenPayer;
  readonly payment: PaymentView;
  readonly accountRef: string;
}

const CREDIT_LIMIT = 10_000;

/** What a till would send for a user who shows a code on credit, and who that is. */
export interface CreditOrder {
  readonly payer: GivenPayer;
  readonly accountRef: string;
  readonly body: PaymentBody;
}

/** A user without a balance and with a credit line, who shows a code on credit. Nothing is sent yet. */
export async function givenCreditOrder(
  target: Target,
  issuer: TestIssuer,
  it: { issuerId: string; amount: number },
): Promise<CreditOrder> {
  const payer = await givenPayer(target);
  const line = { issuerId: it.issuerId, userId: payer.userId, limit: CREDIT_LIMIT };
  const accountRef = await givenPayLater(target, issuer, line);
  const made = await payer.call<{ code: string }>('POST', '/v1/codes', { fundingSource: 'PAY_LATER' });
  expectStatus(made, 201);
  return { payer, accountRef, body: paymentBody({ code: made.body.code, amount: it.amount }) };
}

export async function connectCredit(stack: Stack): Promise<CreditSide> {
  const issuer = await startIssuer(stack.databaseUrl);
  const issuerId = await connectIssuer(stack, issuer);
  return {
    issuer,
    issuerId,
    async paid(merchant, amount = 500) {
      const order = await givenCreditOrder(stack, issuer, { issuerId, amount });
      const { body } = await pay(merchant, order.body);
      const payment = await until('the payment', async () => {
        const path = `/v1/payments/${body.merchantPaymentId}`;
        const now = await merchant.call<PaymentView>('GET', path);
        return now.body.status === 'IN_PROGRESS' ? undefined : now.body;
      });
      expect(payment).toMatchObject({ status: 'COMPLETED', fundingSource: 'PAY_LATER' });
      return { payer: order.payer, payment, accountRef: order.accountRef };
    },
    async expectBooksAgree() {
      const { reserved, captured, breaks } = await issuer.books();
      expect(breaks).toEqual([]);
      const paidForIt = await entrySum(stack.pool, accountId.issuer(issuerId, 'JPY'));
      expect(reserved + captured + paidForIt).toBe(0);
    },
  };
}
