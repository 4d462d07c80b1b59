import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyLedger } from '../../db/ledger-verify.ts';
import type { IssuerFault } from '../../partners/issuer/schemas.ts';
import { creditCase, voidsOfUnknown } from '../support/credit-cases.ts';
import { causeOf, endOf, faultTables, killSwitches, type TableRow } from '../support/fault-table.ts';
import { eachOf, ended, figuresOf } from '../support/fault-walk.ts';
import { givenMerchant } from '../support/givens.ts';
import { startKessai, type KessaiPrograms } from '../support/kessai-programs.ts';
import { connectRepay, repaymentCase, type RepaySide } from '../support/repayments.ts';
import { until } from '../support/until.ts';

const [, credit = []] = await faultTables('docs/unknown-outcomes.md');
const [, repayments = []] = await faultTables('docs/repayment.md');
const rows = [...credit, ...repayments];

let kessai: KessaiPrograms;
let side: RepaySide;
let ends: TableRow[];

/** All cases at once: a kill, and the time until Temporal believes it, are paid for once. */
beforeAll(async () => {
  kessai = await startKessai('issuer-kill', { worker: 'test/support/patient-worker.ts' });
  side = await connectRepay(kessai);
  const { issuer } = side;
  const world = { ...kessai, ...side, merchant: await givenMerchant(kessai) };
  const cases = [
    ...credit.map((row) => creditCase(world, row)),
    ...repayments.map((row) => repaymentCase(side, row)),
  ];
  await eachOf(cases, (it) => it.prepare());
  const faults = cases.map((it) => killSwitches(it.row, it.keyOf));
  const all = faults.flatMap((it) => it.all);
  await issuer.setFaults(...all);
  await Promise.all(cases.map((it) => it.strike()));
  await noneLeft('every call to hang', 60_000, () => notHanging(faults.map((it) => it.hanging)));
  await kessai.killBoth();
  const looks = cases.map((it) => [causeOf(it.row), ended(it)] as const);
  await noneLeft('the end of all', 90_000, () =>
    looks.filter(([, hasEnded]) => !hasEnded()).map(([cause]) => cause),
  );
  ends = await figuresOf(issuer, cases, all);
}, 300_000);
afterAll(async () => {
  await side.issuer.close();
  await kessai.stop();
});

/** Waits until nothing is left, and says what was. */
async function noneLeft(
  what: string,
  timeoutMs: number,
  look: () => Promise<string[]> | string[],
): Promise<void> {
  let left: string[] = [];
  await until(
    what,
    async () => {
      left = await look();
      return left.length === 0;
    },
    timeoutMs,
  ).catch((error: unknown) => {
    throw new Error(`${what}: not ${left.join('; ')}`, { cause: error });
  });
}

/** Those of the switches that have not met their call, or not yet done what they do before they hang. */
async function notHanging(switches: readonly IssuerFault[]): Promise<string[]> {
  const left = new Set((await side.issuer.faultsLeft()).map(nameOf));
  const found: string[] = [];
  for (const it of switches) {
    const isDone = it.fault === 'TIME_OUT_AFTER_COMMIT' || it.fault === 'DECLINE';
    if (left.has(nameOf(it)) || (isDone && (await side.issuer.stored(it.key ?? '')) === undefined)) {
      found.push(nameOf(it));
    }
  }
  return found;
}

const nameOf = ({ operation, key, fault, delayMs }: IssuerFault): string =>
  [operation, key, fault, delayMs].join(' ');

describe('kill -9 of worker and API while an issuer is asked', () => {
  it.each(rows.map((row, i) => [causeOf(row), row, i] as const))(
    '%s, ends as docs/ says',
    (_cause, row, i) => {
      expect(ends[i]).toEqual(endOf(row));
    },
  );

  it('takes nothing back that is not known, and leaves sound books on both sides', async () => {
    expect(await voidsOfUnknown(kessai.pool)).toEqual([]);
    expect((await side.issuer.books()).breaks).toEqual([]);
    expect((await verifyLedger(kessai.pool)).breaks).toEqual([]);
  });
});
