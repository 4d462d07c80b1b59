import type { SettlementView } from '../../domain/parking/settlement.ts';
import { verifyLedger, type LedgerProof } from '../../db/ledger-verify.ts';
import { createPool } from '../../db/pool.ts';
import { demand } from '../demo/http.ts';
import { inParallel } from '../demo/parallel.ts';
import { renderTable } from '../demo/table.ts';
import { nameOf } from './log.ts';
import type { Lot } from './lot.ts';
import type { Car } from './play.ts';

/** What became of a car, by everybody's books. */
interface Outcome {
  readonly car: Car;
  readonly settlements: readonly SettlementView[];
  readonly paid: number;
  readonly back: number;
  readonly balance: number;
  /** Undefined where no server counts. */
  readonly openings: number | undefined;
}

const WIDTH = 4;

/** Prints what became of each car and why, holds it against its story, and proves the ledger. Gives what is not as it should be. */
export async function reportCars(
  cars: readonly Car[],
  lot: Lot,
  databaseUrl: string,
  write: (text: string) => void = console.log,
): Promise<string[]> {
  const outcomes = await inParallel(cars, WIDTH, (car) => outcomeOf(car, lot));
  const head = ['car', 'where', 'what', 'paid', 'back', 'cash', 'end', 'by', 'why'];
  write(`\n${renderTable(head, outcomes.map(rowOf))}\n`);
  const pool = createPool(databaseUrl, { max: 1, name: 'kessai-demo-parking' });
  const ledger = await verifyLedger(pool).finally(() => pool.end());
  const faults = outcomes.flatMap(faultsOf);
  write(describe(outcomes, ledger, faults));
  return [...faults, ...ledger.breaks.map((it) => `ledger: ${it.check}: ${it.subject}: ${it.detail}`)];
}

async function outcomeOf(car: Car, lot: Lot): Promise<Outcome> {
  const { driver, story, sessionId } = car;
  const settlements = await Promise.all(driver.settlementIds.map((it) => driver.look(it)));
  const sum = (views: readonly SettlementView[]): number => views.reduce((total, it) => total + it.amount, 0);
  const { balance } = (await demand(driver.payer.device, 'GET', '/v1/me')) as {
    balance: { amount: number; held: number };
  };
  return {
    car,
    settlements,
    paid: sum(settlements.filter((it) => it.paidAt !== undefined)),
    back: sum(settlements.filter((it) => it.refund?.status === 'COMPLETED')),
    balance: balance.amount - balance.held,
    openings: story.kind === 'NO_SERVER' ? undefined : await lot.openings(sessionId),
  };
}

function rowOf({ car, settlements, paid, back }: Outcome) {
  const { name, where, story, why, isWrong } = car;
  return [
    name,
    nameOf(where),
    story.title,
    paid,
    back,
    story.cash ?? 0,
    settlements.map((it) => it.state).join(', '),
    [...new Set(settlements.flatMap((it) => it.releasedBy ?? []))].join(', ').toLowerCase(),
    isWrong ? `WRONG: ${why}` : why,
  ];
}

/** @returns one sentence for each thing that is not as the story has it */
function faultsOf({ car, settlements, paid, back, balance, openings }: Outcome): string[] {
  const { name, story, where, driver, isWrong, why } = car;
  const faults = isWrong ? [`${name}: ${why}`] : [];
  const states = settlements.map((it) => it.state).join(', ');
  const expected = story.ends.join(', ');
  if (states !== expected) faults.push(`${name}: its settlements are ${states}, not ${expected}`);
  const left = driver.payer.toppedUp - paid + back;
  if (balance !== left) faults.push(`${name}: the balance is ${balance}, by its settlements ${left}`);
  // What opens for a neighbour who has the wrong space is a flap; a ticket's barrier opens at the exit alone.
  const opens = where.space === undefined ? 1 : (story.opens ?? 1);
  if (openings !== undefined && openings !== opens)
    faults.push(`${name}: it opened ${openings} times, not ${opens}`);
  return faults;
}

function describe(outcomes: readonly Outcome[], ledger: LedgerProof, faults: readonly string[]): string {
  const sum = (of: (it: Outcome) => number): number => outcomes.reduce((total, it) => total + of(it), 0);
  const counted = outcomes.filter((it) => it.openings !== undefined).length;
  return [
    `  ${outcomes.length} cars: ${sum((it) => it.paid)} yen paid by phone, ${sum((it) => it.back)} given back, ${sum((it) => it.car.story.cash ?? 0)} in cash`,
    faults.length === 0
      ? `  each settlement ended as it had to, each balance is what it should be, and each of the ${counted} stays that a server counts opened as often as it had to`
      : `  ${faults.length} things are not as they should be`,
    `  ledger (all of it): ${ledger.breaks.length === 0 ? 'sound' : `BROKEN in ${ledger.breaks.length} places`}; ${ledger.accounts} accounts, ${ledger.transfers} transfers, ${ledger.entries} entries`,
  ].join('\n');
}
