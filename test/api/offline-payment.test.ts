import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { offlineKeyContext } from '../../db/offline-key.ts';
import { createSealer } from '../../db/sealed.ts';
import { OFFLINE_POLICY } from '../../domain/code/offline-policy.ts';
import { givenMerchant, givenPayer, pay, paymentBody, type GivenMerchant } from '../support/givens.ts';
import { givenAnotherPhone, givenOfflinePhone, stepNow, withinOneStep } from '../support/offline.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';

let stack: Stack;
let merchant: GivenMerchant;

beforeAll(async () => {
  stack = await startStack();
  merchant = await givenMerchant(stack);
});
afterAll(() => stopWithSoundLedger(stack));

async function givenPhone(balance = 10_000) {
  const payer = await givenPayer(stack, { balance });
  return { payer, phone: await givenOfflinePhone(payer) };
}

describe('an offline code', () => {
  it('pays without the phone having a network, and its payment waits for the journal', async () => {
    const { payer, phone } = await givenPhone();
    const answer = await pay(merchant, { code: await phone.code(stepNow()), amount: 700 });
    expect(answer).toMatchObject({
      status: 200,
      body: { status: 'COMPLETED', codeMode: 'OFFLINE', fundingSource: 'BALANCE', reconciliation: 'PENDING' },
    });
    expect(await payer.balance()).toBe(9_300);
  });

  it('shown at fifty tills at once pays once', async () => {
    const { payer, phone } = await givenPhone();
    const code = await phone.code(stepNow());
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => pay(merchant, { code, amount: 100 + i })),
    );
    const said = answers.map((it) => it.body.declineCode ?? it.body.status).sort();
    expect(said).toEqual([...Array<string>(49).fill('CODE_ALREADY_USED'), 'COMPLETED']);
    expect(await payer.balance()).toBeGreaterThan(9_800);
  });

  it('is good one step before and after its own, each step once, and none before a used one', async () => {
    const said = await withinOneStep(async (step) => {
      const { phone } = await givenPhone();
      const heard = [];
      for (const shown of [step - 1, step, step + 1, step, step + 1]) {
        const answer = await pay(merchant, { code: await phone.code(shown), amount: 100 + heard.length });
        heard.push(answer.body.declineCode ?? answer.body.status);
      }
      return heard;
    });
    expect(said).toEqual(['COMPLETED', 'COMPLETED', 'COMPLETED', 'CODE_ALREADY_USED', 'CODE_ALREADY_USED']);
  });

  it('two steps early or late is an invalid one, and is counted', async () => {
    const { payer, phone } = await givenPhone();
    for (const away of [-2, 2]) {
      const answer = await withinOneStep(async (step) =>
        pay(merchant, { code: await phone.code(step + away), amount: 100 }),
      );
      expect(answer.body).toMatchObject({ status: 'DECLINED', declineCode: 'CODE_INVALID' });
    }
    const { rows } = await stack.pool.query<{ failed_count: number }>(
      'select failed_count from offline_key where handle = $1',
      [phone.handle],
    );
    expect(rows[0]?.failed_count).toBeGreaterThanOrEqual(2);
    expect(await payer.balance()).toBe(10_000);
  });

  it('whose key opens with no data key at hand is declined at once, counts nothing, and the phone gets another key', async () => {
    const { payer, phone } = await givenPhone();
    const lost = createSealer(randomBytes(32).toString('base64'));
    const sealed = lost.seal(randomBytes(32), offlineKeyContext(phone.handle));
    const set = 'update offline_key set sealed = $2 where handle = $1';
    await stack.pool.query(set, [phone.handle, sealed]);
    const answer = await pay(merchant, { code: await phone.code(stepNow()), amount: 100 });
    expect(answer).toMatchObject({ status: 200, body: { declineCode: 'OFFLINE_KEY_STALE' } });
    const { rows } = await stack.pool.query(
      'select failed_count as failed, last_step as step from offline_key where handle = $1',
      [phone.handle],
    );
    expect(rows).toEqual([{ failed: 0, step: 0 }]);
    const again = await givenOfflinePhone(payer);
    expect(again.handle).not.toBe(phone.handle);
    const paid = await pay(merchant, { code: await again.code(stepNow()), amount: 101 });
    expect(paid.body.status).toBe('COMPLETED');
  });

  it('at a till of another currency is beyond the limit, however little it is', async () => {
    const { phone } = await givenPhone();
    const abroad = await givenMerchant(stack, { currency: 'USD' });
    const answer = await pay(abroad, { code: await phone.code(stepNow()), amount: 1, currency: 'USD' });
    expect(answer.body).toMatchObject({ status: 'DECLINED', declineCode: 'OFFLINE_LIMIT_AMOUNT' });
  });

  it('of a key that was ended counts against the handle, so that passwords cannot be tried on it', async () => {
    const { phone } = await givenPhone();
    await stack.pool.query(
      `update offline_key set revoked_at = now(), revoke_reason = 'USER' where handle = $1`,
      [phone.handle],
    );
    const said = [];
    for (const amount of [100, 101]) {
      const code = await phone.code(stepNow() + said.length);
      said.push((await pay(merchant, { code, amount })).body.declineCode);
    }
    expect(said).toEqual(['OFFLINE_KEY_STALE', 'OFFLINE_KEY_STALE']);
    const { rows } = await stack.pool.query<{ failed: number }>(
      'select failed_count as failed from offline_key where handle = $1',
      [phone.handle],
    );
    expect(rows).toEqual([{ failed: 2 }]);
  });

  it('of an unknown handle is invalid like a wrong password', async () => {
    const { phone } = await givenPhone();
    const other = await givenPhone();
    await stack.pool.query('delete from offline_key where handle = $1', [other.phone.handle]);
    const unknown = await pay(merchant, { code: await other.phone.code(stepNow()) });
    const wrong = await pay(merchant, { code: await phone.code(stepNow() - 10) });
    for (const it of [unknown, wrong]) {
      expect(it.body).toMatchObject({ status: 'DECLINED', declineCode: 'CODE_INVALID' });
      expect(it.body).not.toHaveProperty('fundingSource');
    }
  });

  it('of a revoked key, or of a phone that has not been seen for a week, is stale', async () => {
    const revoked = await givenPhone();
    await stack.pool.query(
      `update offline_key set revoked_at = now(), revoke_reason = 'OPERATOR' where handle = $1`,
      [revoked.phone.handle],
    );
    const unseen = await givenPhone();
    await stack.pool.query(
      `update device set last_contact_at = now() - interval '7 days 1 minute' where device_id = $1`,
      [unseen.phone.deviceId],
    );
    for (const { phone, payer } of [revoked, unseen]) {
      const answer = await pay(merchant, { code: await phone.code(stepNow()) });
      expect(answer.body).toMatchObject({ status: 'DECLINED', declineCode: 'OFFLINE_KEY_STALE' });
      expect(
        (
          await stack.pool.query('select posted from balance where account_id = $1', [
            `user:${payer.userId}:JPY`,
          ])
        ).rows,
      ).toEqual([{ posted: 10_000 }]);
    }
  });

  it('is spent also by a payment that fails', async () => {
    const { phone } = await givenPhone(100);
    const code = await phone.code(stepNow());
    expect((await pay(merchant, { code, amount: 500 })).body.declineCode).toBe('INSUFFICIENT_FUNDS');
    expect((await pay(merchant, { code, amount: 50 })).body.declineCode).toBe('CODE_ALREADY_USED');
  });

  it('asked for again under the same id gives the same answer', async () => {
    const { payer, phone } = await givenPhone();
    const body = paymentBody({ code: await phone.code(stepNow()) });
    const first = await pay(merchant, body);
    const again = await pay(merchant, body);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotency-hit')).toBe('true');
    expect(await payer.balance()).toBe(9_500);
  });
});

describe('the limits of offline payments', () => {
  it('hold for a single payment', async () => {
    const { phone } = await givenPhone(200_000);
    const step = stepNow();
    const over = await pay(merchant, { code: await phone.code(step - 1), amount: 50_001 });
    expect(over.body.declineCode).toBe('OFFLINE_LIMIT_AMOUNT');
    const at = await pay(merchant, { code: await phone.code(step), amount: 50_000 });
    expect(at.body.status).toBe('COMPLETED');
  });

  it('let exactly five through of fifty-one at once, from seventeen phones of one user', async () => {
    const payer = await givenPayer(stack, { balance: 1_000_000 });
    const phones = await Promise.all(Array.from({ length: 17 }, () => givenAnotherPhone(stack, payer)));
    const step = stepNow();
    const codes = await Promise.all(
      phones.flatMap((phone) => [phone.code(step - 1), phone.code(step), phone.code(step + 1)]),
    );
    const answers = await Promise.all(codes.map((code, i) => pay(merchant, { code, amount: 1_000 + i })));
    const said = answers.map((it) => it.body.declineCode ?? it.body.status);
    expect(said.filter((it) => it === 'COMPLETED')).toHaveLength(OFFLINE_POLICY.limits.maxPer24h);
    // Codes of one phone that overtook each other at the tills are used up.
    expect(new Set(said.filter((it) => it !== 'COMPLETED'))).not.toContain('CODE_INVALID');
    expect(said.filter((it) => it === 'OFFLINE_LIMIT_COUNT').length).toBeGreaterThan(10);
  });
});

describe('guessing', () => {
  it('trips the throttle, and a valid payment after it has lifted is not lost', async () => {
    const { payer, phone } = await givenPhone();
    const { maxFailures } = OFFLINE_POLICY.throttle;
    const guesses = await Promise.all(
      Array.from({ length: 40 }, async (_, i) =>
        pay(merchant, { code: await phone.code(1_000 + i), amount: 100 + i }),
      ),
    );
    const said = guesses.map((it) => it.body.declineCode);
    expect(said.filter((it) => it === 'CODE_INVALID')).toHaveLength(maxFailures);
    expect(said.filter((it) => it === 'TOO_MANY_ATTEMPTS')).toHaveLength(40 - maxFailures);

    const code = await phone.code(stepNow());
    expect((await pay(merchant, { code })).body.declineCode).toBe('TOO_MANY_ATTEMPTS');
    await stack.pool.query('update offline_key set blocked_until = now() where handle = $1', [phone.handle]);
    // The very code that was blocked is not spent.
    expect((await pay(merchant, { code: await phone.code(stepNow()) })).body.status).toBe('COMPLETED');
    expect(await payer.balance()).toBe(9_500);
    const history = await payer.call<{ items: unknown[] }>('GET', '/v1/me/payments');
    expect(history.body.items).toHaveLength(1);
  });
});
