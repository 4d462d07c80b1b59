import type { IssuerFault } from '../../partners/issuer/schemas.ts';
import { causeOf, switchesFor, type KeyOf, type TableRow } from './fault-table.ts';
import type { TestIssuer } from './issuer.ts';
import { until } from './until.ts';

/** Something that Kessai asks an issuer for. */
export interface FaultCase {
  readonly row: TableRow;
  readonly keyOf: KeyOf;
  /** Gets as far as the step where the row's faults are; its keys are known then. */
  prepare(): Promise<void>;
  /** Takes the step; its end may come later. */
  strike(): Promise<void>;
  /** Resolves when the workflow of the step has ended. */
  ended(): Promise<unknown>;
  /** How it ended, by the headings of the row. */
  figures(): Promise<TableRow>;
}

/** So few that none waits for the others as long as for its issuer. */
const AT_ONCE = 8;
const END_MS = 120_000;

/** Walks each case with the faults of its row, and gives how it ended. */
export async function walkAll(issuer: TestIssuer, cases: readonly FaultCase[]): Promise<TableRow[]> {
  await eachOf(cases, (it) => it.prepare());
  const switches = cases.flatMap((it) => switchesFor(it.row, it.keyOf));
  await issuer.setFaults(...switches);
  await eachOf(cases, async (it) => {
    await it.strike();
    await until(`the end of ${causeOf(it.row)}`, ended(it), END_MS);
  });
  return figuresOf(issuer, cases, switches);
}

/** A look that says whether it has ended; throws as its workflow does. */
export function ended(it: FaultCase): () => boolean {
  let isOver = false;
  let failure: unknown;
  it.ended().then(
    () => {
      isOver = true;
    },
    (error: unknown) => {
      failure = error;
    },
  );
  return () => {
    if (failure !== undefined) throw new Error(`${causeOf(it.row)} failed`, { cause: failure });
    return isOver;
  };
}

/** How each ended, after all have: what was SLOW is done before that, now that nobody waits for it. */
export async function figuresOf(
  issuer: TestIssuer,
  cases: readonly FaultCase[],
  switches: readonly IssuerFault[],
): Promise<TableRow[]> {
  await issuer.setFaults();
  for (const { fault, key = '' } of switches) {
    if (fault === 'SLOW') await until(`${key}, late`, () => issuer.stored(key));
  }
  return eachOf(cases, (it) => it.figures());
}

/** Does something with each, a few at a time. */
export async function eachOf<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  const queue = [...items.entries()];
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      results[next[0]] = await act(next[1]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}
