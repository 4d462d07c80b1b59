import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createOfflineMatcher } from '../../activities/offline-match.ts';
import { createCodeDigester } from '../../db/code-digest.ts';
import { DEFAULT_CODE_PREFIX } from '../../domain/code/format.ts';
import { givenMerchant, givenPayer, pay, paymentBody, type GivenMerchant } from '../support/givens.ts';
import { givenOfflinePhone, lastStep, startOf, stepNow } from '../support/offline.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';

const [before, after] = [randomBytes(32), randomBytes(32)].map((it) => it.toString('base64')) as [
  string,
  string,
];
const DIGESTS = { before: createCodeDigester(before), after: createCodeDigester(after, [before]) };
let now: keyof typeof DIGESTS = 'before';
let stack: Stack;
let merchant: GivenMerchant;

beforeAll(async () => {
  const digestCode = Object.assign((code: string) => DIGESTS[now](code), {
    older: (code: string) => DIGESTS[now].older(code),
  });
  stack = await startStack({ digestCode });
  merchant = await givenMerchant(stack);
});
afterAll(() => stopWithSoundLedger(stack));

/** An offline payment under the pepper before, whose journal comes under the new one. */
async function givenPaymentBefore() {
  now = 'before';
  const phone = await givenOfflinePhone(await givenPayer(stack, { balance: 10_000 }));
  const step = await lastStep();
  const { body } = await pay(merchant, { code: await phone.code(step), amount: 700 });
  expect(body).toMatchObject({ status: 'COMPLETED', reconciliation: 'PENDING' });
  now = 'after';
  const look = async () =>
    (await merchant.call('GET', `/v1/payments/${body.merchantPaymentId}`)).body.reconciliation;
  return { phone, step, look };
}

describe('after the pepper of codes was changed', () => {
  it("an offline payment finds itself in the phone's journal, also when that is sent again", async () => {
    const { phone, step, look } = await givenPaymentBefore();
    for (let i = 0; i < 2; i += 1) {
      const answer = await phone.journal({ steps: [step], fromStep: step, toStep: step });
      expect(answer.body.results.map((it) => it.outcome)).toEqual(['MATCHED']);
    }
    expect(await look()).toBe('MATCHED');
  });

  it('one that a bad entry names is not disputed, and one that no entry names is', async () => {
    const { phone, step, look } = await givenPaymentBefore();
    const covers = { coversFrom: startOf(step), coversTo: startOf(step + 1) };
    const bad = { entryId: 'one', code: await phone.code(step), displayedAt: 'now', clockOffsetMs: 0 };
    await phone.call('POST', '/v1/journals', { entries: [bad], ...covers });
    expect(await look()).toBe('PENDING');
    const other = await givenPaymentBefore();
    await other.phone.journal({ steps: [], fromStep: other.step, toStep: other.step });
    expect(await other.look()).toBe('DISPUTED');
  });

  it('a code on a screen still pays, once, and a repeat of what was paid before hears the same', async () => {
    now = 'before';
    const payer = await givenPayer(stack, { balance: 10_000 });
    const body = paymentBody({ code: await payer.code(), amount: 300 });
    const first = await pay(merchant, body);
    const shown = await payer.code();
    now = 'after';
    const again = await pay(merchant, body);
    expect(again).toMatchObject({ status: 200, body: first.body });
    expect(again.headers.get('idempotency-hit')).toBe('true');
    expect(await pay(merchant, { ...body, amount: 301 })).toMatchObject({ status: 422 });
    expect((await pay(merchant, { code: shown, amount: 400 })).body.status).toBe('COMPLETED');
    expect((await pay(merchant, { code: shown, amount: 401 })).body.declineCode).toBe('CODE_ALREADY_USED');
    expect((await pay(merchant, { code: await payer.code(), amount: 500 })).body.status).toBe('COMPLETED');
    expect(await payer.balance()).toBe(8_800);
  });

  it('the step of an offline code is found, whichever of both the API has digested it with', async () => {
    now = 'before';
    const phone = await givenOfflinePhone(await givenPayer(stack));
    const step = stepNow();
    const atMs = Date.parse(startOf(step));
    const code = await phone.code(step);
    const matchStep = createOfflineMatcher({
      pool: stack.pool,
      sealer: stack.sealer,
      digestCode: DIGESTS.after,
      codePrefix: DEFAULT_CODE_PREFIX,
    });
    expect(await matchStep(phone.handle, DIGESTS.after(code), atMs)).toBe(step);
    expect(await matchStep(phone.handle, DIGESTS.before(code), atMs)).toBe(step);
    const strange = createCodeDigester(randomBytes(32).toString('base64'));
    expect(await matchStep(phone.handle, strange(code), atMs)).toBeUndefined();
  });
});
