import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DebtView } from '../../domain/dunning/debt.ts';
import { DUNNING_POLICY } from '../../domain/dunning/policy.ts';
import { changePolicy, dunningWorkflowId } from '../../workflows/dunning/contract.ts';
import { debtBody, debtOf, givenCreditor, givenDebtor, type GivenCreditor } from '../support/debts.ts';
import { uniqueId, type GivenPayer } from '../support/givens.ts';
import { answerChecker, readOpenApi } from '../support/open-api.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

interface Policy {
  version: string;
  baseIntervalHours: number;
  stages: { name: string }[];
  errors?: { pointer: string }[];
}

const HOUR_MS = 3_600_000;
let stack: Stack;
let issuer: GivenCreditor;
let debtor: GivenPayer;

beforeAll(async () => {
  stack = await startStack();
  debtor = await givenDebtor(stack);
});
afterAll(() => stack.stop());
beforeEach(async () => {
  issuer = await givenCreditor(stack);
});

const put = (body: object, it = issuer) => it.call<Policy>('PUT', '/v1/dunning/policy', body);
const current = async (it = issuer) => (await it.call<Policy>('GET', '/v1/dunning/policy')).body;

async function reminded(): Promise<string> {
  const debtId = uniqueId('d');
  await issuer.call<DebtView>('PUT', `/v1/debts/${debtId}`, debtBody({ userId: debtor.userId }));
  await until('the plan', async () => (await debtOf(issuer, debtId)).nextContact !== undefined);
  return debtId;
}

async function pauseHours(debtId: string): Promise<number> {
  const { contacts, nextContact } = await debtOf(issuer, debtId);
  return (Date.parse(nextContact?.at ?? '') - Date.parse(contacts.at(-1)?.sentAt ?? '')) / HOUR_MS;
}

describe('the rules of an issuer', () => {
  it('are the default ones until it sets its own; each change is a version, the same again is none', async () => {
    expect(await current()).toMatchObject({ version: DUNNING_POLICY.version, baseIntervalHours: 72 });
    const faultsOf = answerChecker(await readOpenApi(stack.baseUrl));
    const first = await put({ baseIntervalHours: 48 });
    expect(first.body).toMatchObject({ version: 'v1', baseIntervalHours: 48, openedIntervalHours: 120 });
    const again = await put({ baseIntervalHours: 48, maxMessages: 24 });
    expect([again.body.version, again.headers.get('idempotency-hit')]).toEqual(['v1', 'true']);
    expect((await put({ baseIntervalHours: 24 })).body.version).toBe('v2');
    expect(await current()).toMatchObject({ version: 'v2', baseIntervalHours: 24 });
    for (const answer of [first, again]) expect(faultsOf('PUT /v1/dunning/policy', answer)).toEqual([]);
    const got = await issuer.call('GET', '/v1/dunning/policy');
    expect(faultsOf('GET /v1/dunning/policy', got)).toEqual([]);
    // What is answered can be sent back.
    const { version: _, ...body } = await current();
    expect((await put(body)).headers.get('idempotency-hit')).toBe('true');
    const other = await givenCreditor(stack);
    expect(await current(other)).toMatchObject({ version: DUNNING_POLICY.version });
  });

  it('set ten times at once are ten versions in a row', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => put({ maxMessages: i + 1 })));
    expect(new Set(answers.map((it) => it.body.version)).size).toBe(10);
    expect((await current()).version).toBe('v10');
  });

  it('hear of every fault at once, and change nothing', async () => {
    const title = { title: 'Pay {amount}', body: 'b' };
    const answer = await put({
      baseIntervalHours: 6,
      openedIntervalHours: 3,
      unopenedFactor: 2,
      quietHours: { from: '08:00', to: '21:00' },
      firstContactAt: '25:00',
      holidays: 'MARS',
      maxMessages: 0,
      more: 1,
      stages: [{ name: 'A', fromDaysOverdue: 0, texts: { ja: title, en: { title: 't', body: 'b' } } }],
    });
    expect(answer.status).toBe(400);
    expect(answer.body.errors?.map((it) => it.pointer).sort()).toEqual([
      '/baseIntervalHours',
      '/firstContactAt',
      '/holidays',
      '/maxMessages',
      '/more',
      '/openedIntervalHours',
      '/quietHours',
      '/stages/0/texts/ja/title',
      '/unopenedFactor',
    ]);
    expect(await current()).toMatchObject({ version: DUNNING_POLICY.version });
  });
});

describe('a campaign', () => {
  it('keeps the rules it began with, until they are applied to it: then its timer is set anew', async () => {
    const [before, after] = [await reminded(), await reminded()];
    expect(Math.round(await pauseHours(before))).toBeGreaterThanOrEqual(72);
    await put({ baseIntervalHours: 240, openedIntervalHours: 240 });
    expect(await debtOf(issuer, before)).toMatchObject({ policyVersion: DUNNING_POLICY.version });
    const fresh = await reminded();
    expect(await debtOf(issuer, fresh)).toMatchObject({ policyVersion: 'v1' });
    const answer = await issuer.call<{ version: string; workflowId: string }>(
      'POST',
      '/v1/dunning/policy/apply',
      {},
    );
    expect(answer).toMatchObject({ status: 202, body: { version: 'v1' } });
    await stack.temporal.workflow.getHandle(answer.body.workflowId).result();
    for (const debtId of [before, after]) {
      await until('the new rules', async () => (await pauseHours(debtId)) >= 240);
      expect(await debtOf(issuer, debtId)).toMatchObject({ policyVersion: 'v1', contacts: [{}] });
    }
    const log = await stack.pool.query(
      `select actor, detail from debt_log where kind = 'POLICY' and debt_id = $1`,
      [before],
    );
    expect(log.rows).toEqual([{ actor: 'issuer', detail: { from: DUNNING_POLICY.version, to: 'v1' } }]);
    const again = await issuer.call('POST', '/v1/dunning/policy/apply', { version: 'v1' });
    expect(again.status).toBe(202);
  });

  it('with fewer stages under the new rules goes on in the last of them', async () => {
    const debtId = await reminded();
    await stack.pool.query('update debt set last_stage = 2 where debt_id = $1', [debtId]);
    const text = { title: 't', body: 'b' };
    await put({ stages: [{ name: 'ONLY', fromDaysOverdue: 0, texts: { ja: text, en: text } }] });
    const handle = stack.temporal.workflow.getHandle(dunningWorkflowId(issuer.issuerId, debtId));
    await handle.signal(changePolicy, { version: 'v1', operator: 'aoi' });
    await until('the new rules', async () => (await debtOf(issuer, debtId)).policyVersion === 'v1');
    const details = async () =>
      (await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata')).currentDetails;
    await until('the stage', async () => (await details()).includes('| stage | ONLY |'));
  });

  it('is not moved to rules that nobody has set, by whatever it is sent', async () => {
    const debtId = await reminded();
    const handle = stack.temporal.workflow.getHandle(dunningWorkflowId(issuer.issuerId, debtId));
    for (const nonsense of [undefined, 'v2', { version: 'v2' }, { operator: 'aoi', version: 'v9' }])
      await handle.signal('changePolicy', nonsense);
    const details = async () =>
      (await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata')).currentDetails;
    await until('what was wrong', async () => (await details()).includes('the issuer has no rules v9'));
    expect(await debtOf(issuer, debtId)).toMatchObject({ policyVersion: DUNNING_POLICY.version });
    expect((await issuer.call('POST', '/v1/dunning/policy/apply', { version: 'v9' })).status).toBe(404);
    expect((await debtor.call('GET', '/v1/dunning/policy')).status).toBe(403);
  });
});
