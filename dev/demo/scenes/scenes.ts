import { openBooks, type Books } from '../books.ts';
import { noTrouble } from '../http.ts';
import { createRandom } from '../random.ts';
import type { Stack } from '../stack.ts';
import type { Till } from '../visit.ts';
import type { Payer, StoreSpec, World } from '../world.ts';
import { disputePayment } from './dispute.ts';
import { issuerStaff, proveIssuer, type IssuerProof } from './issuer.ts';
import { cloneCode, guessCodes, payOffline } from './offline.ts';
import { callOperator } from './operator.ts';
import { payLater, type CreditLine } from './pay-later.ts';
import { giveBack } from './refund.ts';
import type { Stage } from './scene.ts';

/** The store in which scenes are played, beside the day's. */
export const KIOSK = {
  storeId: 'kiosk',
  name: 'Kiosk',
  terminals: ['kiosk-1', 'kiosk-2'],
} as const satisfies StoreSpec;

/** What is played beside the day: offline codes, thieves, credit, refunds. */
export interface Scenes {
  readonly books: Books;
  readonly payers: readonly Payer[];
  /** What this stack does not let us play, and why. */
  readonly skipped: readonly string[];
  readonly progress: () => string;
  /** Plays all of them; what goes wrong is a fault in the books. */
  readonly play: () => Promise<void>;
  /** Undefined where there is no issuer. */
  readonly proveIssuer: () => Promise<IssuerProof | undefined>;
}

export function createScenes(
  stack: Stack,
  world: World,
  tillOf: (storeId: string, terminalId: string) => Till,
): Scenes {
  const books = openBooks();
  const payers: Payer[] = [];
  const skipped: string[] = [];
  const skip = (what: string): void => {
    skipped.push(what);
  };
  const [one, other] = KIOSK.terminals;
  const stage: Stage = {
    world,
    books,
    random: createRandom(`${world.runId} scenes`),
    tills: [tillOf(KIOSK.storeId, one), tillOf(KIOSK.storeId, other)],
    payers,
  };
  const staff = stack.issuer === undefined ? undefined : issuerStaff(stack.issuer, noTrouble());
  let lines: readonly CreditLine[] = [];

  async function withOperator(): Promise<void> {
    const operator = await callOperator(stack.temporal);
    if (operator === undefined) {
      skip('a dispute and its operator: dev.json names no Temporal');
      return;
    }
    await disputePayment(stage, operator).finally(() => operator.close());
  }

  async function onCredit(): Promise<void> {
    if (staff === undefined) skip('pay later: dev.json names no reference issuer');
    else lines = await payLater(stage, staff, skip);
  }

  const scenes: Readonly<Record<string, () => Promise<void>>> = {
    'offline payments': () => payOffline(stage),
    'a clone': () => cloneCode(stage),
    'a guesser': () => guessCodes(stage),
    'a dispute': withOperator,
    'pay later': onCredit,
    refunds: () => giveBack(stage),
  };
  const waiting = new Set(Object.keys(scenes));
  return {
    books,
    payers,
    skipped,
    progress: () =>
      waiting.size === 0 ? 'all scenes played' : `scenes still playing: ${[...waiting].join(', ')}`,
    async play() {
      await Promise.all(
        Object.entries(scenes).map(async ([name, scene]) => {
          try {
            await scene();
          } catch (error) {
            books.fault(`${name}: ${error instanceof Error ? error.message : String(error)}`);
          }
          waiting.delete(name);
        }),
      );
    },
    proveIssuer: async () =>
      staff === undefined
        ? undefined
        : proveIssuer(staff, stack.databaseUrl, new Map(lines.map((it) => [it.accountRef, it.owes]))),
  };
}
