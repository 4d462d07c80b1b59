import { isDeepStrictEqual } from 'node:util';
import { verifyLedger, type LedgerProof } from '../../db/ledger-verify.ts';
import { createPool } from '../../db/pool.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import { demand } from './http.ts';
import { inParallel } from './parallel.ts';
import { lookUp } from './till.ts';
import type { Payer, World } from './world.ts';

export interface Proof {
  readonly ledger: LedgerProof;
  readonly payments: { readonly checked: number; readonly different: number };
  readonly balances: { readonly checked: number; readonly different: number };
  /** One sentence for each thing that does not add up. */
  readonly faults: readonly string[];
}

/** Asks the other side whether what the tills were told still stands: each payment, each balance, the whole ledger. */
export async function prove(
  world: World,
  databaseUrl: string,
  answers: ReadonlyMap<string, PaymentView>,
  payers: readonly Payer[],
): Promise<Proof> {
  const paymentFaults = await comparePayments(world, answers);
  const balanceFaults = await compareBalances(payers);
  const pool = createPool(databaseUrl, { max: 1, name: 'kessai-demo' });
  const ledger = await verifyLedger(pool).finally(() => pool.end());
  const ledgerFaults = ledger.breaks.map((it) => `ledger: ${it.check}: ${it.subject}: ${it.detail}`);
  return {
    ledger,
    payments: { checked: answers.size, different: paymentFaults.length },
    balances: { checked: payers.length, different: balanceFaults.length },
    faults: [...paymentFaults, ...balanceFaults, ...ledgerFaults],
  };
}

async function comparePayments(world: World, answers: ReadonlyMap<string, PaymentView>): Promise<string[]> {
  const found = await inParallel([...answers], 8, async ([id, told]) => {
    const now = await lookUp(world.tills, id);
    if (isDeepStrictEqual(now, told)) return undefined;
    return `payment ${id}: the till was told ${JSON.stringify(told)}, GET says ${JSON.stringify(now)}`;
  });
  return found.filter((it) => it !== undefined);
}

async function compareBalances(payers: readonly Payer[]): Promise<string[]> {
  const found = await inParallel(payers, 8, async (payer) => {
    const me = (await demand(payer.device, 'GET', '/v1/me')) as { balance: { amount: number; held: number } };
    const { amount, held } = me.balance;
    if (amount === payer.balance && held === 0) return undefined;
    return `balance of ${payer.userId}: ${amount} with ${held} held, but ${payer.toppedUp} topped up minus what completed is ${payer.balance}`;
  });
  return found.filter((it) => it !== undefined);
}

/** Lines for the end of a report. */
export function describeProof({ ledger, payments, balances }: Proof): string {
  const agree = (it: { checked: number; different: number }): string =>
    `${it.checked - it.different} of ${it.checked}`;
  const moved = Object.entries(ledger.movedByCurrency).map(([currency, amount]) => `${amount} ${currency}`);
  return [
    `  ${agree(payments)} payments are by GET what the till was told`,
    `  ${agree(balances)} balances are top-ups minus completed payments`,
    `  ledger (all of it): ${ledger.breaks.length === 0 ? 'sound' : `BROKEN in ${ledger.breaks.length} places`}; ` +
      `${ledger.accounts} accounts, ${ledger.transfers} transfers, ${ledger.entries} entries, moved ${moved.join(', ')}`,
  ].join('\n');
}
