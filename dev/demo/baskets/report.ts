import type { Trouble } from '../http.ts';
import { describeProof, type Proof } from '../proof.ts';
import { describeLatencies, perSecond, type Latencies } from '../stats.ts';
import { renderTable } from '../table.ts';
import { describeTrouble } from '../verdict.ts';
import { grouped, topGroups, type FileFacts, type Group } from './facts.ts';
import type { Basket } from './map.ts';
import type { PaidBasket } from './pay-basket.ts';

export interface ReplayRun {
  readonly runId: string;
  readonly file: string;
  readonly tills: number;
  readonly facts: FileFacts;
  readonly baskets: readonly Basket[];
  readonly paid: readonly PaidBasket[];
  /** Payments decided: one a basket, two where the first was SIMILAR_PAYMENT. */
  readonly payments: number;
  /** Baskets that follow an equal one, see `equalBaskets`. */
  readonly equal: { readonly atAll: number; readonly inFileTime: number };
  readonly elapsedMs: number;
  readonly latencies: Latencies;
  readonly trouble: Trouble;
  readonly proof: Proof;
  readonly faults: readonly string[];
}

export interface ReplayResult extends Omit<ReplayRun, 'baskets' | 'paid' | 'proof'> {
  readonly kind: 'baskets';
  readonly ok: boolean;
  readonly paidBaskets: number;
  readonly similar: number;
  readonly skipped: readonly Group[];
  readonly paidAmount: number;
  /** File total minus what was paid minus what was skipped: must be 0. */
  readonly difference: number;
  readonly paymentsPerSecond: number;
  readonly stores: readonly Group[];
  readonly departments: readonly Group[];
  readonly ledger: Proof['ledger'];
}

const GROUPS_SHOWN = 6;
/** A replay shorter than the window of SIMILAR_PAYMENT must meet it with every equal basket. */
const SIMILAR_MS = 3 * 60_000;

/** Prints what came of a replay and gives it as data. */
export function reportReplay(run: ReplayRun): ReplayResult {
  const { facts, paid, baskets } = run;
  const skipped = grouped(
    baskets.filter((it) => it.skip !== undefined),
    (it) => it.skip ?? '',
    (it) => it.totalMinor,
  );
  const paidAmount = paid.reduce((sum, it) => sum + it.basket.totalMinor, 0);
  const skippedAmount = skipped.reduce((sum, it) => sum + it.amount, 0);
  const difference = facts.total - paidAmount - skippedAmount;
  const faults = [...run.faults];
  if (difference !== 0) faults.push(`the payments differ from the file by ${difference} JPY`);
  const similar = paid.filter((it) => it.wasSimilar).length;
  if (similar > run.equal.atAll) {
    faults.push(`${similar} baskets were called similar, but only ${run.equal.atAll} follow an equal one`);
  } else if (similar < run.equal.atAll && run.elapsedMs < SIMILAR_MS && run.faults.length === 0) {
    faults.push(`${similar} baskets were called similar, but ${run.equal.atAll} follow an equal one at once`);
  }
  const stores = grouped(
    paid,
    (it) => it.basket.storeId,
    (it) => it.basket.totalMinor,
  );
  const departments = grouped(
    paid.flatMap((it) => it.basket.rows),
    (row) => row.department || '(none)',
    (row) => row.salesMinor - row.couponMinor,
  );
  const paymentsPerSecond = perSecond(run.payments, run.elapsedMs);
  const { baskets: _b, paid: _p, proof, ...rest } = run;
  const result: ReplayResult = {
    kind: 'baskets',
    ok: faults.length === 0,
    ...rest,
    faults,
    paidBaskets: paid.length,
    similar,
    skipped,
    paidAmount,
    difference,
    paymentsPerSecond,
    stores,
    departments,
    ledger: proof.ledger,
  };
  print(result, proof);
  return result;
}

function print(it: ReplayResult, proof: Proof): void {
  const { facts } = it;
  const row = (name: string, count: number, amount?: number, note?: string) => [
    name,
    count,
    amount ?? '',
    note ?? '',
  ];
  console.log(
    `\n${renderTable(
      ['what', 'count', 'JPY', 'how'],
      [
        row('baskets of the file', facts.baskets, facts.total, 'sales without manufacturer coupons'),
        row('paid', it.paidBaskets, it.paidAmount),
        ...it.skipped.map((group) => row(`skipped: ${group.name}`, group.count, group.amount)),
        row('difference', facts.baskets - it.paidBaskets - sumOf(it.skipped), it.difference),
        row(
          'similar, accepted',
          it.similar,
          undefined,
          `of ${it.equal.atAll} equal ones; ${it.equal.inFileTime} by the clock of the file`,
        ),
        row('rows of the file', facts.rows, facts.sales, 'sales_value'),
        row('payment lines', facts.lines, facts.total),
        row('zero lines', facts.zeroLines, 0, `${facts.zeroQuantities} with quantity 0`),
        row('negative lines', facts.negativeLines, undefined, 'coupons, returns'),
        row('coupons (maker)', facts.coupons.count, -facts.coupons.amount, 'own negative lines'),
        row(
          'coupon matches',
          facts.couponMatches.count,
          -facts.couponMatches.amount,
          'in sales_value already',
        ),
        row(
          'loyalty discounts',
          facts.retailDiscounts.count,
          -facts.retailDiscounts.amount,
          'in sales_value already',
        ),
        row('amounts with cents', facts.amountsWithCents, undefined, 'a cent is a yen, none rounded'),
        row('fuel', facts.fuelRows, undefined, `${facts.fractionalQuantities} quantities with a fraction`),
        row('unit amounts rounded', facts.unitsRounded, undefined, 'the line amounts are exact'),
        row('rows without a name', facts.unnamed, undefined, 'named after category or product'),
      ],
    )}`,
  );
  const groups = (title: string, of: readonly Group[], counted: string): string =>
    renderTable(
      [title, counted, 'JPY'],
      topGroups(of, GROUPS_SHOWN).map((group) => [group.name, group.count, group.amount]),
    );
  console.log(`\n${groups('store', it.stores, 'baskets')}`);
  console.log(`\n${groups('department', it.departments, 'rows')}`);
  console.log(
    `\n  ${it.payments} payments at ${it.tills} tills in ${(it.elapsedMs / 1000).toFixed(1)} s: ${it.paymentsPerSecond} payments/s`,
  );
  console.log(`  as the tills saw it: ${describeLatencies(it.latencies)}`);
  console.log(`  ${describeTrouble(it.trouble)}`);
  console.log(describeProof(proof));
}

function sumOf(groups: readonly Group[]): number {
  return groups.reduce((sum, it) => sum + it.count, 0);
}
