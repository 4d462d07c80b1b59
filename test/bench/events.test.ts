import { randomBytes } from 'node:crypto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Client } from '@temporalio/client';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createDecisions } from '../../api/decisions.ts';
import { createCases, type CaseName } from '../../bench/cases.ts';
import { countEvents } from '../../bench/events.ts';
import { runBlock } from '../../bench/measure.ts';
import { seedPeople } from '../../bench/people.ts';
import { BENCH_TASK_QUEUE, COMPARED_TASK_QUEUE } from '../../bench/stage.ts';
import { createBenchWorker } from '../../bench/worker.ts';
import { verifyLedger } from '../../db/ledger-verify.ts';
import { createSealer } from '../../db/sealed.ts';
import { createCodeDigester } from '../../db/code-digest.ts';
import { DEFAULT_CODE_PREFIX } from '../../domain/code/format.ts';
import { createTillWorker } from '../../workers/worker.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { connectDevServer } from '../support/temporal.ts';

let database: TestDatabase;
let environment: TestWorkflowEnvironment;

beforeAll(async () => {
  database = await createTestDatabase();
  environment = await connectDevServer();
});

afterAll(async () => {
  await environment.teardown();
  await database.drop();
});

test('what the bench compares does what it says, at the number of events each is known to cost', async () => {
  const people = await seedPeople(database.pool);
  const worker = await createBenchWorker({
    connection: environment.nativeConnection,
    namespace: environment.namespace ?? 'default',
    taskQueue: COMPARED_TASK_QUEUE,
    pool: database.pool,
  });
  const decisions = createDecisions();
  const till = await createTillWorker({
    connection: environment.nativeConnection,
    namespace: environment.namespace ?? 'default',
    taskQueue: BENCH_TASK_QUEUE,
    workflowBundle: { codePath: inject('bundlePath') },
    deps: {
      pool: database.pool,
      sealer: createSealer(randomBytes(32).toString('base64')),
      digestCode: createCodeDigester(randomBytes(32).toString('base64')),
      codePrefix: DEFAULT_CODE_PREFIX,
      tellDecision: decisions.tell,
    },
  });
  const nativeClient = new Client({ connection: environment.nativeConnection });
  const ids: Partial<Record<CaseName, string[]>> = {};
  const cases = createCases({
    client: environment.client,
    eager: { client: () => nativeClient, decisions },
    pool: database.pool,
    people,
    baseUrl: 'http://127.0.0.1:1',
    started: (name, workflowId) => {
      (ids[name] ??= []).push(workflowId);
    },
  });
  const work = async (): Promise<Partial<Record<CaseName, number>>> => {
    const found: Partial<Record<CaseName, number>> = {};
    for (const name of ['floor', 'declined', 'payment', 'parking', 'four activities'] as const) {
      await runBlock(await cases[name].prepare(3), 1);
      await cases[name].finish?.();
      found[name] = (await countEvents(environment.client, ids[name] ?? [])).most;
    }
    return found;
  };
  const counts = await worker.runUntil(till.runUntil(work));
  expect(counts.floor).toBe(7);
  expect(counts.declined).toBe(6);
  expect(counts.payment).toBe(7);
  expect(counts.parking).toBeLessThanOrEqual(20);
  expect(decisions.tally()).toMatchObject({ decided: 9, elsewhere: 0 });
  expect(counts['four activities']).toBeGreaterThanOrEqual(29);
  expect((await verifyLedger(database.pool)).breaks).toEqual([]);
});
