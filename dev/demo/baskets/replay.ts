import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { PaymentView } from '../../../domain/payment/payment.ts';
import { SetupProblem } from '../../setup-problem.ts';
import { noTrouble } from '../http.ts';
import { inParallel } from '../parallel.ts';
import { listenForInterrupt } from '../interrupt.ts';
import type { Options } from '../options.ts';
import { showProgress } from '../progress.ts';
import { prove } from '../proof.ts';
import { latencies, perSecond } from '../stats.ts';
import type { Stack } from '../stack.ts';
import { addPayers, openWorld, topUp, type Payer, type World } from '../world.ts';
import { readRows } from './csv.ts';
import { equalBaskets, factsOf } from './facts.ts';
import { toBaskets, type Basket } from './map.ts';
import { payBasket, type PaidBasket } from './pay-basket.ts';
import { createBasketQueue } from './queue.ts';
import { reportReplay, type ReplayResult } from './report.ts';

/** Pays every basket of a CSV and reports whether all of it adds up. */
export async function replayBaskets(stack: Stack, options: Options, file: string): Promise<ReplayResult> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new SetupProblem(
      `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
  const rows = readRows(text, basename(file));
  const baskets = toBaskets(rows);
  const payable = baskets.filter((basket) => basket.skip === undefined);
  const facts = factsOf(rows, baskets);
  console.log(
    `${basename(file)}: ${facts.baskets} baskets of ${facts.households} households in ${facts.stores} stores, ${facts.rows} rows.`,
  );

  const trouble = noTrouble();
  const terminals = Array.from({ length: options.tills }, (_, index) => `till-${index + 1}`);
  const stores = [...new Set(baskets.map((it) => it.storeId))].map((storeId) => ({
    storeId,
    name: `Store ${storeId}`,
    terminals,
  }));
  const { world } = await openWorld(stack, trouble, { name: 'Basket replay', stores });
  const payers = await makePayers(world, payable);

  const faults: string[] = [];
  const answers = new Map<string, PaymentView>();
  const paid: PaidBasket[] = [];
  const startedMs = performance.now();
  const progress = showProgress(
    () =>
      `${paid.length} of ${payable.length} baskets paid, ${perSecond(answers.size, performance.now() - startedMs)} payments/s`,
  );
  const interrupt = listenForInterrupt();
  const queue = createBasketQueue(payable);
  await inParallel(terminals, terminals.length, async (terminalId) => {
    for (;;) {
      const basket = interrupt.asked() ? undefined : await queue.take();
      if (basket === undefined) return;
      try {
        const payer = payers.get(basket.householdId);
        if (payer === undefined) throw new Error(`household ${basket.householdId} has no payer`);
        paid.push(await payBasket({ world, payer, terminalId, answers }, basket));
      } catch (error) {
        faults.push(`basket ${basket.basketId}: ${error instanceof Error ? error.message : String(error)}`);
      } finally {
        queue.done(basket);
      }
    }
  });
  progress.stop();
  interrupt.stopListening();
  const elapsedMs = performance.now() - startedMs;

  if (interrupt.asked()) faults.push(`stopped by Ctrl-C after ${paid.length} of ${payable.length} baskets`);
  const proof = await prove(world, stack.databaseUrl, answers, [...payers.values()]);
  return reportReplay({
    runId: world.runId,
    file: basename(file),
    tills: options.tills,
    facts,
    baskets,
    paid,
    payments: answers.size,
    equal: equalBaskets(baskets),
    elapsedMs,
    latencies: latencies(paid.flatMap((it) => it.latenciesMs)),
    trouble,
    proof,
    faults: [...faults, ...proof.faults],
  });
}

const TOP_UP_STEP = 10_000;

/** One payer a household, with enough for all its baskets, in round notes. */
async function makePayers(world: World, payable: readonly Basket[]): Promise<Map<string, Payer>> {
  const totals = new Map<string, number>();
  for (const { householdId, totalMinor } of payable) {
    totals.set(householdId, (totals.get(householdId) ?? 0) + totalMinor);
  }
  const households = [...totals.keys()];
  const payers = await addPayers(
    world,
    households.map((householdId) => `h${householdId}`),
  );
  const byHousehold = new Map<string, Payer>();
  for (const [index, householdId] of households.entries()) {
    const payer = payers[index];
    if (payer === undefined) continue;
    await topUp(world, payer, Math.ceil((totals.get(householdId) ?? 0) / TOP_UP_STEP) * TOP_UP_STEP);
    byHousehold.set(householdId, payer);
  }
  return byHousehold;
}
