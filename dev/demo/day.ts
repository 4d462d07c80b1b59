import { openBooks, type Books } from './books.ts';
import { checkStream, checkWebhooks } from './told.ts';
import { reportDay, type DayResult } from './day-report.ts';
import { listenToEvents } from './event-stream.ts';
import { noTrouble } from './http.ts';
import { listenForInterrupt, type Interrupt } from './interrupt.ts';
import type { Options } from './options.ts';
import { inParallel } from './parallel.ts';
import { planDay, type VisitKind } from './plan.ts';
import { showProgress } from './progress.ts';
import { prove } from './proof.ts';
import { createRandom, type Random } from './random.ts';
import type { Stack } from './stack.ts';
import { latencies, perSecond } from './stats.ts';
import { play, type Till } from './visit.ts';
import { waitWhileGrowing } from './wait.ts';
import { createScenes, KIOSK } from './scenes/scenes.ts';
import { startWebhookReceiver } from './webhook-receiver.ts';
import { addPayers, openWorld, putMerchant, type Payer, type World } from './world.ts';

const PAYERS_PER_TILL = 3;
const STORES = ['Shibuya', 'Ueno', 'Kamakura'] as const;
/** Longer than the first retry of a webhook takes (5 s and a fifth). */
const EVENTS_PATIENCE_MS = 15_000;

/** Plays a day at a store and reports whether all of it adds up. */
export async function playDay(stack: Stack, options: Options): Promise<DayResult> {
  const trouble = noTrouble();
  const books = openBooks();
  const receiver = await startWebhookReceiver(Math.min(5, Math.ceil(options.payments / 10)));
  try {
    const stores = storesFor(options.tills);
    const merchant = { name: 'A day at a store', stores: [...stores, KIOSK] };
    const opened = await openWorld(stack, trouble, { ...merchant, webhookUrl: receiver.url });
    const { world } = opened;
    receiver.trust(opened.webhookSecret ?? '');
    const random = createRandom(world.runId);
    const names = Array.from({ length: options.tills * PAYERS_PER_TILL }, (_, index) => `p${index + 1}`);
    const payers = await addPayers(world, names);
    const listener = payers[0];
    if (listener === undefined) throw new Error('a day needs a payer');
    const stream = listenToEvents(listener.device);
    const ofListener = (): number => books.events.filter((it) => it.userId === listener.userId).length;
    const scenes = createScenes(stack, world, (storeId, terminalId) => openTill(world, storeId, terminalId));
    const eventCount = (): number => books.events.length + scenes.books.events.length;
    const accepted = (): number => receiver.deliveries().filter((it) => it.accepted).length;

    console.log(
      `Run ${world.runId}: ${options.payments} payments, ${options.tills} tills, ${payers.length} payers.`,
    );
    const startedMs = performance.now();
    const progress = showProgress(() => {
      const rate = perSecond(books.answers.size, performance.now() - startedMs);
      const day = `${books.answers.size} of ${options.payments} payments, ${rate}/s`;
      return `${day}, ${accepted()} of ${eventCount()} webhooks; ${scenes.progress()}`;
    });
    const interrupt = listenForInterrupt();
    const visits = planDay(options.payments, random);
    const playing = scenes.play();
    await serve({ world, books, random, interrupt }, visits, tillsOf(stores, world), payers);
    const elapsedMs = performance.now() - startedMs;
    await playing;
    await waitWhileGrowing(() => accepted() >= eventCount(), accepted, EVENTS_PATIENCE_MS);
    await waitWhileGrowing(
      () => stream.events.length >= ofListener(),
      () => stream.events.length,
      EVENTS_PATIENCE_MS,
    );
    progress.stop();
    interrupt.stopListening();
    await stream.close();
    // What is still on its way finds no endpoint and ends, instead of knocking at a closed door for three days.
    await putMerchant(world.admin, world.merchantId, merchant);
    if (interrupt.asked())
      books.fault(`stopped by Ctrl-C after ${books.answers.size} of ${options.payments} payments`);

    const webhooks = checkWebhooks([...books.events, ...scenes.books.events], receiver.deliveries());
    const streamFaults = checkStream(listener.userId, books.events, stream.events);
    const proof = await prove(
      world,
      stack.databaseUrl,
      new Map([...books.answers, ...scenes.books.answers]),
      [...payers, ...scenes.payers],
    );
    const issuer = await scenes.proveIssuer();
    return reportDay(
      {
        runId: world.runId,
        tills: options.tills,
        payers: payers.length,
        payments: books.answers.size,
        outcomes: outcomesOf(books),
        scenes: outcomesOf(scenes.books),
        scenePayments: scenes.books.answers.size,
        skipped: scenes.skipped,
        issuer,
        elapsedMs,
        latencies: latencies(books.latenciesMs),
        trouble,
        webhooks: {
          expected: webhooks.expected,
          came: webhooks.came,
          repeats: webhooks.repeats,
          failedOnPurpose: receiver.failedOnPurpose(),
        },
        stream: { expected: ofListener(), heard: stream.events.length, reconnects: stream.reconnects() },
        faults: [
          ...books.faults,
          ...scenes.books.faults,
          ...receiver.faults,
          ...webhooks.faults,
          ...streamFaults,
          ...proof.faults,
          ...(issuer?.faults ?? []),
        ],
      },
      proof,
    );
  } finally {
    await receiver.close();
  }
}

function outcomesOf({ outcomes }: Books) {
  return [...outcomes].map(([outcome, counts]) => ({ outcome, ...counts }));
}

interface Day {
  readonly world: World;
  readonly books: Books;
  readonly random: Random;
  readonly interrupt: Interrupt;
}

/** Tills take one customer after another; a customer stands at one till at a time. */
async function serve(
  { world, books, random, interrupt }: Day,
  visits: readonly VisitKind[],
  tills: readonly Till[],
  payers: readonly Payer[],
): Promise<void> {
  const free = payers.map((payer) => ({ payer, taken: new Set<number>() }));
  const waiting = visits.values();
  await inParallel(tills, tills.length, async (till) => {
    for (const kind of waiting) {
      if (interrupt.asked()) return;
      const customer = free.shift();
      if (customer === undefined) throw new Error('there are fewer payers than tills');
      try {
        await play(kind, { world, books, random, till, ...customer });
      } catch (error) {
        books.fault(`${till.terminalId}, ${kind}: ${error instanceof Error ? error.message : String(error)}`);
      }
      free.push(customer);
    }
  });
}

function storesFor(tills: number) {
  const stores = STORES.map((name) => ({ storeId: name.toLowerCase(), name, terminals: [] as string[] }));
  for (let till = 0; till < tills; till += 1)
    stores[till % stores.length]?.terminals.push(`till-${till + 1}`);
  return stores;
}

function tillsOf(stores: ReturnType<typeof storesFor>, world: World): Till[] {
  return stores.flatMap(({ storeId, terminals }) =>
    terminals.map((terminalId) => openTill(world, storeId, terminalId)),
  );
}

function openTill({ runId }: World, storeId: string, terminalId: string): Till {
  let sales = 0;
  const nextId = (): string => {
    sales += 1;
    return `${runId}-${terminalId}-${sales}`;
  };
  return { storeId, terminalId, nextId };
}
