import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OFFLINE_RULES } from '../../activities/payment.ts';
import { givenMerchant, givenPayer, type GivenMerchant } from '../support/givens.ts';
import { givenOfflinePhone, startOf, stepNow, type OfflinePhone } from '../support/offline.ts';
import { settleDirectly } from '../support/settle.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';

/** Steps from the phone's first on: what it has shown, and what of that was paid with. */
const SHOWN = [0, 1, 2, 4, 5, 7, 9] as const;
const PAID = [1, 2, 5, 9] as const;
const LAST = 9;

let stack: Stack;
let merchant: GivenMerchant;

beforeAll(async () => {
  stack = await startStack();
  merchant = await givenMerchant(stack);
});
afterAll(() => stopWithSoundLedger(stack));

/** A phone that was offline for ten steps, all over by now, and paid in some of them. */
async function givenOfflineTime(): Promise<{ phone: OfflinePhone; first: number }> {
  const payer = await givenPayer(stack, { balance: 10_000 });
  const phone = await givenOfflinePhone(payer);
  const first = stepNow() - 20;
  for (const step of PAID) {
    const at = startOf(first + step);
    const view = await settleDirectly(stack.pool, payer.userId, {
      merchantId: merchant.merchantId,
      amount: 100 + step,
      codeMode: 'OFFLINE',
      codeDigest: stack.digestCode(await phone.code(first + step)),
      offlineHandle: phone.handle,
      offlineStep: first + step,
      offlinePolicy: OFFLINE_RULES,
      requestedAt: at,
      decidedAt: at,
    });
    expect(view).toMatchObject({ status: 'COMPLETED', reconciliation: 'PENDING' });
  }
  return { phone, first };
}

/** One journal: it covers from one step to another, and has what was shown in them and perhaps more. */
interface Piece {
  readonly from: number;
  readonly to: number;
  readonly more: readonly number[];
}
const piece = fc
  .record({ a: fc.nat(LAST), b: fc.nat(LAST), more: fc.subarray([...SHOWN]) })
  .map(({ a, b, more }): Piece => ({ from: Math.min(a, b), to: Math.max(a, b), more }));

/** Pieces that tell everything between them, some twice, in any order. */
const pieces = fc.array(piece, { minLength: 1, maxLength: 4 }).chain((some) => {
  const told = (step: number): boolean => some.some((it) => entriesOf(it).includes(step));
  const rest = SHOWN.filter((step) => !told(step)).map((step): Piece => ({ from: step, to: step, more: [] }));
  const all = [...some, ...rest];
  return fc.shuffledSubarray([...all, ...all.slice(0, 2)], {
    minLength: all.length + Math.min(2, all.length),
  });
});

function entriesOf({ from, to, more }: Piece): number[] {
  return SHOWN.filter((step) => (step >= from && step <= to) || more.includes(step));
}

async function tell(
  phone: OfflinePhone,
  first: number,
  all: readonly Piece[],
  unless?: number,
): Promise<void> {
  for (const it of all) {
    const steps = entriesOf(it).filter((step) => step !== unless);
    const answer = await phone.journal({
      steps: steps.map((step) => first + step),
      fromStep: first + it.from,
      toStep: first + it.to,
    });
    expect(answer.status).toBe(200);
  }
}

/** What it comes to: each payment by its step, each entry, and whether the key still serves. */
async function endOf(phone: OfflinePhone, first: number) {
  const payments = await stack.pool.query<{ step: number; says: string }>(
    `select (offline_step - $2)::int as step, reconciliation as says from payment where device_id = $1 order by 1`,
    [phone.deviceId, first],
  );
  const entries = await stack.pool.query<{ entry: string; says: string }>(
    `select replace(entry_id, 'shown-', '')::bigint - $2 as entry, outcome as says from journal_entry
      where device_id = $1 order by 1`,
    [phone.deviceId, first],
  );
  const keys = await stack.pool.query<{ why: string | null }>(
    'select revoke_reason as why from offline_key where device_id = $1',
    [phone.deviceId],
  );
  return {
    payments: payments.rows.map((it) => `${it.step} ${it.says}`),
    entries: entries.rows.map((it) => `${it.entry} ${it.says}`),
    key: keys.rows.map((it) => it.why),
  };
}

describe("a phone's journals over HTTP", () => {
  it('cut, overlapping, repeated, in any order come to what one journal of everything comes to', async () => {
    const honest = await givenOfflineTime();
    await tell(honest.phone, honest.first, [{ from: 0, to: LAST, more: [] }]);
    const expected = await endOf(honest.phone, honest.first);
    expect(expected.payments).toEqual(PAID.map((step) => `${step} MATCHED`));
    expect(expected.entries).toHaveLength(SHOWN.length);
    expect(expected.key).toEqual([null]);
    await fc.assert(
      fc.asyncProperty(pieces, async (all) => {
        const { phone, first } = await givenOfflineTime();
        await tell(phone, first, all);
        expect(await endOf(phone, first)).toEqual(expected);
      }),
      { numRuns: 6 },
    );
  }, 180_000);

  it('that all lack one payment, one of them covering it, dispute exactly that and end the key', async () => {
    await fc.assert(
      fc.asyncProperty(pieces, fc.constantFrom(...PAID), fc.nat(LAST), async (all, lacking, wide) => {
        const { phone, first } = await givenOfflineTime();
        const covering = { from: Math.min(wide, lacking), to: lacking, more: [] };
        await tell(phone, first, [...all, covering], lacking);
        const { payments, key } = await endOf(phone, first);
        expect(payments).toEqual(PAID.map((step) => `${step} ${step === lacking ? 'DISPUTED' : 'MATCHED'}`));
        expect(key).toEqual(['DISPUTED']);
      }),
      { numRuns: 6 },
    );
  }, 180_000);
});
