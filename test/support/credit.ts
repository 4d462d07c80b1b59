import { expect } from 'vitest';
import { accountId, entrySum } from '../../db/ledger.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import { expectStatus, givenPayer, pay, type GivenMerchant, type GivenPayer } from './givens.ts';
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

export async function connectCredit(stack: Stack): Promise<CreditSide> {
  const issuer = await startIssuer(stack.databaseUrl);
  const issuerId = await connectIssuer(stack, issuer);
  return {
    issuer,
    issuerId,
    async paid(merchant, amount = 500) {
      const payer = await givenPayer(stack);
      const line = { issuerId, userId: payer.userId, limit: CREDIT_LIMIT };
      const accountRef = await givenPayLater(stack, issuer, line);
      const code = await payer.call<{ code: string }>('POST', '/v1/codes', { fundingSource: 'PAY_LATER' });
      expectStatus(code, 201);
      const { body } = await pay(merchant, { code: code.body.code, amount });
      const payment = await until('the payment', async () => {
        const path = `/v1/payments/${body.merchantPaymentId}`;
        const now = await merchant.call<PaymentView>('GET', path);
        return now.body.status === 'IN_PROGRESS' ? undefined : now.body;
      });
      expect(payment).toMatchObject({ status: 'COMPLETED', fundingSource: 'PAY_LATER' });
      return { payer, payment, accountRef };
    },
    async expectBooksAgree() {
      const { reserved, captured, breaks } = await issuer.books();
      expect(breaks).toEqual([]);
      const paidForIt = await entrySum(stack.pool, accountId.issuer(issuerId, 'JPY'));
      expect(reserved + captured + paidForIt).toBe(0);
    },
  };
}
