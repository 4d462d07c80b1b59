import { expect } from 'vitest';
import { accountId, entrySum } from '../../db/ledger.ts';
import { repaymentOperationKey } from '../../domain/credit/credit.ts';
import type { DebtView } from '../../domain/dunning/debt.ts';
import type { RepaymentView } from '../../domain/repayment/repayment.ts';
import type { Statement } from '../../partners/issuer/statements.ts';
import { repaymentWorkflowId } from '../../workflows/repayment/contract.ts';
import { apiClient, type Answer, type ApiCall } from './client.ts';
import { debtBody, debtOf, zoneAtNoon } from './debts.ts';
import { expectStatus, givenPayer, uniqueId, type GivenPayer, type Target } from './givens.ts';
import type { TableRow } from './fault-table.ts';
import type { FaultCase } from './fault-walk.ts';
import { connectIssuer, startIssuer, type TestIssuer } from './issuer.ts';
import type { Stack } from './stack.ts';
import { until } from './until.ts';

export type RepaymentAnswer = Answer<RepaymentView & { code?: string }>;

/** A debt of 1,000 at an issuer that has its statement, and a user with a balance. */
export interface GivenDebt {
  readonly debtId: string;
  readonly debtor: GivenPayer;
  /** Asks for a repayment from the wallet, and gives the answer whatever it is. */
  pay(it?: { repaymentId?: string; amount?: number }): Promise<RepaymentAnswer>;
  /** The issuer tells of a repayment. */
  tell(repaymentId: string, amount: number): Promise<Answer<DebtView & { code?: string }>>;
  now(): Promise<DebtView>;
  statement(): Promise<Statement>;
  repayment(repaymentId: string): Promise<RepaymentAnswer>;
  handle(repaymentId: string): ReturnType<Stack['temporal']['workflow']['getHandle']>;
  /** Posted and held minor units. */
  balance(): Promise<{ amount: number; held: number }>;
}

/** A Kessai and an issuer of statements that know each other. */
export interface RepaySide {
  readonly issuer: TestIssuer;
  readonly issuerId: string;
  /** With the issuer's own key. */
  readonly call: ApiCall;
  givenDebt(it?: {
    amount?: number;
    balance?: number;
    currency?: string;
    debtor?: GivenPayer;
  }): Promise<GivenDebt>;
  /** Asserts that what the issuer has from wallets is what we have moved to it. */
  expectBooksAgree(): Promise<void>;
}

type KessaiSide = Target & Pick<Stack, 'pool' | 'temporal' | 'databaseUrl'>;

export async function connectRepay(stack: KessaiSide, nowMs = Date.now()): Promise<RepaySide> {
  const issuer = await startIssuer(stack.databaseUrl);
  const issuerId = await connectIssuer(stack, issuer);
  const admin = apiClient(stack.baseUrl, stack.adminKey);
  const key = { role: 'issuer', tenantId: issuerId, name: 'dunning' };
  const made = await admin<{ key: string }>('POST', '/v1/keys', key);
  expectStatus(made, 201);
  const call = apiClient(stack.baseUrl, made.body.key);
  return {
    issuer,
    issuerId,
    call,
    async givenDebt({ amount = 1_000, balance = 5_000, currency = 'JPY', debtor: known } = {}) {
      const debtor =
        known ?? (await givenPayer(stack, { balance, timeZone: zoneAtNoon(nowMs), locale: 'en' }));
      const debtId = uniqueId('d');
      const body = debtBody({ userId: debtor.userId, amount, currency }, nowMs);
      const statement = {
        userId: debtor.userId,
        month: monthOf(debtId),
        amount,
        currency,
        dueOn: body.dueOn,
      };
      expectStatus(await issuer.admin('PUT', `/v1/statements/${debtId}`, statement), 200);
      expectStatus(await call('PUT', `/v1/debts/${debtId}`, body), 200);
      return {
        debtId,
        debtor,
        pay: (it = {}) =>
          debtor.call('POST', `/v1/debts/${debtId}/pay`, { repaymentId: uniqueId('w'), ...it }),
        tell: (repaymentId, paid) =>
          call('POST', `/v1/debts/${debtId}/repayments`, {
            repaymentId,
            amount: paid,
            paidAt: new Date(nowMs).toISOString(),
          }),
        now: () => debtOf({ call }, debtId),
        async statement() {
          return (await issuer.admin<Statement>('GET', `/v1/statements/${debtId}`)).body;
        },
        repayment: (repaymentId) => debtor.call('GET', `/v1/debts/${debtId}/repayments/${repaymentId}`),
        handle: (repaymentId) =>
          stack.temporal.workflow.getHandle(repaymentWorkflowId(issuerId, debtId, repaymentId)),
        async balance() {
          const me = await debtor.call<{ balance: { amount: number; held: number } }>('GET', '/v1/me');
          return { amount: me.body.balance.amount, held: me.body.balance.held };
        },
      };
    },
    async expectBooksAgree() {
      const { repaid, breaks } = await issuer.books();
      expect(breaks).toEqual([]);
      expect(await entrySum(stack.pool, accountId.repayment(issuerId, 'JPY'))).toBe(repaid);
    },
  };
}

/** A repayment of 600 of a debt of 1,000, out of a balance of 5,000. */
export function repaymentCase(side: RepaySide, row: TableRow): FaultCase {
  const repaymentId = uniqueId('w');
  let debt: GivenDebt;
  return {
    row,
    keyOf: () => repaymentOperationKey(side.issuerId, debt.debtId, repaymentId),
    async prepare() {
      debt = await side.givenDebt();
    },
    async strike() {
      // As a device does where a busy machine answers that it does not know.
      await until('the repayment to be taken', async () => {
        return (await debt.pay({ repaymentId, amount: 600 })).status !== 503;
      });
    },
    ended: () => debt.handle(repaymentId).result(),
    async figures() {
      const [{ body }, { paid }, balance, now] = await Promise.all([
        debt.repayment(repaymentId),
        debt.statement(),
        debt.balance(),
        debt.now(),
      ]);
      return {
        repayment: body.status,
        issuer: String(paid),
        // What is held is not free.
        balance: String(balance.amount - balance.held),
        debt: String(now.remainingAmount),
      };
    },
  };
}

/** A month that no other statement of a user has. */
function monthOf(debtId: string): string {
  const number = Number.parseInt(debtId.slice(-6), 16);
  return `${1000 + (number % 9000)}-${String((number % 12) + 1).padStart(2, '0')}`;
}
