import { putMerchant } from '../db/merchant.ts';
import { newId } from '../db/id.ts';
import { settlePayment, type SettleRequest, type StoredOutcome } from '../db/payment.ts';
import { oneRow, rows, type Db, type Pool } from '../db/pool.ts';
import { withTransaction } from '../db/tx.ts';
import { PAYMENT_POLICY } from '../domain/payment/payment.ts';
import { settleByCte, settleByStatements } from './ledger-statements.ts';
import type { Case } from './measure.ts';
import { issueCodes, newSale, type People } from './people.ts';

export type LedgerCaseName =
  'function' | 'function, unnamed' | 'CTE' | 'CTE, unnamed' | 'statements' | 'function, hot merchant row';

type Settle = (request: SettleRequest) => Promise<StoredOutcome>;

const FUNCTION_TEXT = 'select payment_settle($1::jsonb) as outcome';

export function createLedgerCases(pool: Pool, people: People, hotMerchantId: string): Case<LedgerCaseName>[] {
  const make = (
    name: LedgerCaseName,
    settle: Settle,
    merchantId = people.merchantId,
  ): Case<LedgerCaseName> => ({
    name,
    async prepare(count) {
      const codes = await issueCodes(pool, people, count);
      return codes.map(({ codeDigest }) => async () => {
        const { view } = await settle(requestFor(people, merchantId, codeDigest));
        if (view.status !== 'COMPLETED') throw new Error(`expected COMPLETED, got ${JSON.stringify(view)}`);
      });
    },
  });
  const unnamed: Settle = async (request) => {
    const result = await pool.query<{ outcome: StoredOutcome }>(FUNCTION_TEXT, [JSON.stringify(request)]);
    const [row] = result.rows;
    if (row === undefined) throw new Error('payment_settle gave no row');
    return row.outcome;
  };
  return [
    make('function', (request) => settlePayment(pool, request)),
    make('function, unnamed', unnamed),
    make('CTE', (request) => settleByCte(pool, request, true)),
    make('CTE, unnamed', (request) => settleByCte(pool, request, false)),
    make('statements', (request) => withTransaction(pool, (tx) => settleByStatements(tx, request))),
    make('function, hot merchant row', (request) => settlePayment(pool, request), hotMerchantId),
  ];
}

function requestFor(people: People, merchantId: string, codeDigest: string): SettleRequest {
  const now = new Date().toISOString();
  return {
    ...newSale(people),
    paymentId: newId('pay'),
    merchantId,
    acceptSimilar: false,
    codeMode: 'ONLINE',
    codeDigest,
    requestHash: codeDigest,
    attemptId: newId('req'),
    requestedAt: now,
    decidedAt: now,
    policyVersion: PAYMENT_POLICY.version,
    similarWindowMs: PAYMENT_POLICY.similarWindowMs,
    cancelUntilMinutesOfNextDay: PAYMENT_POLICY.cancelUntilMinutesOfNextDay,
  };
}

/**
 * A merchant whose account has a balance row, as a user's has: then every payment to it updates that row. The product
 * gives merchants none; this one shows why.
 */
export async function openHotMerchant(db: Pool): Promise<string> {
  const merchantId = newId('key').replace('key_', 'bench-hot-');
  await putMerchant(db, {
    merchantId,
    name: 'Bench, hot',
    timeZone: 'Asia/Tokyo',
    currency: 'JPY',
    webhookUrl: null,
    stores: [{ storeId: 'store-1', name: 'Bench', terminals: ['till-1'] }],
  });
  await giveBalanceRow(db, `merchant:${merchantId}:JPY`);
  return merchantId;
}

async function giveBalanceRow(db: Db, account: string): Promise<void> {
  await rows(db, { name: 'bench_hot_row', text: 'insert into balance (account_id) values ($1)' }, [account]);
  await oneRow(db, { name: 'bench_hot_check', text: 'select 1 from balance where account_id = $1' }, [
    account,
  ]);
}
