import { SearchAttributeType, defineSearchAttributeKey } from '@temporalio/common';
import { describe, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import {
  connectDevServer,
  createTimeSkippingServer,
  taskQueueFor,
  workflowBundle,
} from '../support/temporal.ts';

describe('the servers tests share', () => {
  test('a test database is migrated, belongs to the test alone and goes when dropped', async () => {
    const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    try {
      expect(one.url).not.toBe(other.url);
      const { rows } = await one.pool.query<{ n: string }>('select count(*) as n from schema_migration');
      expect(Number(rows[0]?.n)).toBeGreaterThan(0);
    } finally {
      await Promise.all([one.drop(), other.drop()]);
    }
  });

  test('the dev server takes a workflow with our search attributes', async () => {
    const environment = await connectDevServer();
    try {
      const key = defineSearchAttributeKey('PaymentStatus', SearchAttributeType.KEYWORD);
      const handle = await environment.client.workflow.start('unknown', {
        workflowId: taskQueueFor('dev server'),
        taskQueue: taskQueueFor('dev server'),
        typedSearchAttributes: [{ key, value: 'IN_PROGRESS' }],
      });
      expect((await handle.describe()).typedSearchAttributes.get(key)).toBe('IN_PROGRESS');
      await handle.terminate();
    } finally {
      await environment.teardown();
    }
  });

  test('the time-skipping server lets three days pass in a moment and knows our search attributes', async () => {
    const environment = await createTimeSkippingServer();
    try {
      const before = await environment.currentTimeMs();
      await environment.sleep('3 days');
      expect((await environment.currentTimeMs()) - before).toBeGreaterThanOrEqual(3 * 24 * 3_600_000);
      const key = defineSearchAttributeKey('AwaitingOperator', SearchAttributeType.BOOL);
      const handle = await environment.client.workflow.start('unknown', {
        workflowId: 'time-skipping',
        taskQueue: taskQueueFor('time skipping'),
        typedSearchAttributes: [{ key, value: true }],
      });
      await handle.terminate();
    } finally {
      await environment.teardown();
    }
  });

  test('the workflow bundle is there', async () => {
    expect((await workflowBundle()).code.length).toBeGreaterThan(1_000);
  });
});
