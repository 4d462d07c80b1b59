import { readFile, mkdtemp, rm } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { putDebt, repayDebt } from '../../db/debt.ts';
import { DUNNING_POLICY } from '../../domain/dunning/policy.ts';
import type { PolicySummary } from '../../domain/dunning/summary.ts';
import { apiClient } from '../support/client.ts';
import { givenCreditor, type GivenCreditor } from '../support/debts.ts';
import { givenPayer, uniqueId } from '../support/givens.ts';
import { startStack, type Stack } from '../support/stack.ts';

let stack: Stack;
let issuer: GivenCreditor;
let userId: string;

const HOUR_MS = 3_600_000;
const START_MS = Date.parse('2026-05-01T00:00:00Z');
const at = (hours: number): Date => new Date(START_MS + hours * HOUR_MS);

beforeAll(async () => {
  stack = await startStack({ workers: 0 });
  issuer = await givenCreditor(stack);
  ({ userId } = await givenPayer(stack));
  // Reminded after 0, 72 and 108 hours, in two stages; paid 10 hours after the third.
  const one = await campaign([
    { hour: 0, stage: 0, isOpened: true },
    { hour: 72, stage: 0 },
    { hour: 108, stage: 1, isOpened: true },
  ]);
  await repay(one, 118, 1_000);
  // Paid in two parts, 2 and 4 hours after its only message.
  const two = await campaign([{ hour: 0, stage: 0 }]);
  await repay(two, 2, 500);
  await repay(two, 4, 500);
  // Paid a part before the first message, and open.
  const three = await campaign([{ hour: 48, stage: 0 }]);
  await repay(three, 1, 1);
  for (const until of [at(60), at(70)]) {
    await stack.pool.query(
      `insert into debt_deferral (issuer_id, debt_id, contact_no, reason, until_at, decided_at) values ($1, $2, 2, 'QUIET_HOURS', $3, $3)`,
      [issuer.issuerId, three, until],
    );
  }
  await campaign([], 'other-policy');
});
afterAll(() => stack.stop());

async function campaign(
  messages: readonly { hour: number; stage: number; isOpened?: boolean }[],
  version = 'p1',
): Promise<string> {
  const { issuerId } = issuer;
  const debtId = uniqueId('d');
  const debt = { issuerId, debtId, userId, amount: 1_000, currency: 'JPY', dueOn: '2026-04-01', revision: 1 };
  const policy = { ...DUNNING_POLICY, version };
  await putDebt(stack.pool, { ...debt, requestHash: 'h', policy, at: at(0) });
  for (const [i, { hour, stage, isOpened = false }] of messages.entries()) {
    await stack.pool.query(
      `insert into debt_message (message_id, issuer_id, debt_id, contact_no, user_id, stage, channel, title, body, link, sent_at, displayed_at, opened_at)
       values ($1, $2, $3, $4, $5, $6, 'INBOX', 't', 'b', '/', $7, $8, $8)`,
      [uniqueId('msg'), issuerId, debtId, i + 1, userId, stage, at(hour), isOpened ? at(hour + 1) : null],
    );
  }
  return debtId;
}

async function repay(debtId: string, hour: number, amount: number): Promise<void> {
  const { issuerId } = issuer;
  const repaymentId = uniqueId('r');
  const paidAt = at(hour).toISOString();
  await repayDebt(stack.pool, {
    issuerId,
    debtId,
    repaymentId,
    amount,
    paidAt,
    requestHash: 'h',
    at: at(hour),
  });
}

const FIGURES: PolicySummary = {
  policyVersion: 'p1',
  debts: { registered: 3, open: 1, settled: 2, withdrawn: 0, exhausted: 0 },
  contacts: { sent: 5, displayed: 2, opened: 2, openedShare: 0.4 },
  byStage: [
    {
      stage: 0,
      cadence: 'FIRST',
      sent: 3,
      opened: 1,
      openedShare: 0.3333,
      repayments: 2,
      medianHoursToRepayment: 3,
    },
    {
      stage: 0,
      cadence: 'TO_96H',
      sent: 1,
      opened: 0,
      openedShare: 0,
      repayments: 0,
      medianHoursToRepayment: null,
    },
    {
      stage: 1,
      cadence: 'TO_48H',
      sent: 1,
      opened: 1,
      openedShare: 1,
      repayments: 1,
      medianHoursToRepayment: 10,
    },
  ],
  repaymentsBeforeContact: 1,
  deferrals: [{ reason: 'QUIET_HOURS', count: 2 }],
};

describe('GET /v1/dunning/summary', () => {
  it('gives contacts, opened share, time to repayment and deferrals, per version of the policy', async () => {
    const answer = await issuer.call<{ policies: PolicySummary[] }>('GET', '/v1/dunning/summary');
    expect(answer.status).toBe(200);
    const [other, first] = answer.body.policies;
    expect(first).toEqual(FIGURES);
    expect(other).toEqual({
      policyVersion: 'other-policy',
      debts: { registered: 1, open: 1, settled: 0, withdrawn: 0, exhausted: 0 },
      contacts: { sent: 0, displayed: 0, opened: 0, openedShare: null },
      byStage: [],
      repaymentsBeforeContact: 0,
      deferrals: [],
    });
  });

  it('is of the own campaigns for an issuer, of all or one issuer for the administrator, and of the time asked for', async () => {
    const stranger = await givenCreditor(stack);
    const theirs = await stranger.call('GET', `/v1/dunning/summary?issuerId=${issuer.issuerId}`);
    expect(theirs.body).toMatchObject({ policies: [] });
    const admin = apiClient(stack.baseUrl, stack.adminKey);
    for (const query of ['', `?issuerId=${issuer.issuerId}`])
      expect((await admin('GET', `/v1/dunning/summary${query}`)).body).toMatchObject({
        policies: [{ policyVersion: 'other-policy' }, { policyVersion: 'p1' }],
      });
    const later = `?from=${at(1).toISOString()}`;
    expect((await admin('GET', `/v1/dunning/summary${later}`)).body).toMatchObject({ policies: [] });
    expect((await admin('GET', '/v1/dunning/summary?from=x')).status).toBe(400);
    const device = await givenPayer(stack);
    expect((await device.call('GET', '/v1/dunning/summary')).status).toBe(403);
  });

  it('is CSV for who wants that', async () => {
    const { key } = (
      await apiClient(stack.baseUrl, stack.adminKey)<{ key: string }>('POST', '/v1/keys', {
        role: 'issuer',
        tenantId: issuer.issuerId,
        name: 'csv',
      })
    ).body;
    const answer = await fetch(`${stack.baseUrl}/v1/dunning/summary`, {
      headers: { authorization: `Bearer ${key}`, accept: 'text/csv' },
    });
    expect(answer.headers.get('content-type')).toContain('text/csv');
    const lines = (await answer.text()).split('\r\n');
    expect(lines[0]).toBe('policyVersion,figure,stage,cadence,reason,count,share,medianHours');
    expect(lines).toContain('p1,stage.opened,0,FIRST,,1,0.3333,');
    expect(lines).toContain('p1,stage.repayments,1,TO_48H,,1,,10');
    expect(lines).toContain('p1,deferrals,,,QUIET_HOURS,2,,');
  });
});

describe('npm run report:dunning', () => {
  async function run(...options: string[]): Promise<{ code: number; output: string }> {
    const child = spawn(process.execPath, ['--import', 'tsx', 'api/dunning/summary-main.ts', ...options], {
      env: { ...process.env, DATABASE_URL: stack.databaseUrl },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    const [code] = (await once(child, 'close')) as [number];
    return { code, output };
  }

  it('writes the same as JSON or CSV, to a file if asked', async () => {
    const json = await run('--issuer', issuer.issuerId, '--format', 'json');
    expect(json.code).toBe(0);
    expect((JSON.parse(json.output) as { policies: unknown[] }).policies[1]).toEqual(FIGURES);
    const folder = await mkdtemp(join(tmpdir(), 'kessai-report-'));
    const out = join(folder, 'report.csv');
    expect((await run('--out', out)).code).toBe(0);
    expect(await readFile(out, 'utf8')).toContain('p1,debts.settled,,,,2,,');
    await rm(folder, { recursive: true });
    expect(await run('--format', 'xml')).toMatchObject({ code: 1 });
    expect((await run('--help')).output).toContain('Usage:');
  });
});
