import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';
import { describe, expect, it } from 'vitest';

const GUARDS = [
  '@typescript-eslint/no-restricted-imports',
  'no-restricted-globals',
  'no-restricted-properties',
  'no-restricted-syntax',
];

/** The project's own configuration; files that do not exist have no types, so what needs types is off. */
const eslint = new ESLint({
  cwd: fileURLToPath(new URL('../..', import.meta.url)),
  overrideConfig: [
    { files: ['**/*.{ts,mts,cts}'], ...tseslint.configs.disableTypeChecked },
    { files: ['**/*.{ts,mts,cts}'], languageOptions: { parserOptions: { projectService: false } } },
  ],
});

/** The guards that refuse `code` in this file. */
async function refusals(filePath: string, code: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath });
  const messages = result?.messages ?? [];
  expect(messages.filter((it) => it.fatal === true || it.ruleId === null)).toEqual([]);
  return messages.flatMap((it) => (it.ruleId !== null && GUARDS.includes(it.ruleId) ? [it.ruleId] : []));
}

describe('the import rule refuses', () => {
  it.each([
    ['domain/payment/x.ts', "import { createPool } from '../../db/pool.ts';"],
    ['domain/x.ts', "await import('../db/pool.ts');"],
    ['domain/x.ts', "import { createHash } from 'node:crypto';"],
    ['domain/x.ts', "import { z } from 'zod';"],
    ['domain/x.mts', "import { createPool } from '../db/pool.ts';"],
    ['domain/x.cts', "import { createPool } from '../db/pool.ts';"],
    ['domain/x.js', "import { createPool } from '../db/pool.ts';"],
    ['workflows/payment/x.ts', "await import('node:fs');"],
    ['workflows/payment/x.ts', "import { readFileSync } from 'fs';"],
    ['workflows/x.ts', "export { createPool } from './../db/pool.ts';"],
    ['workflows/x.ts', "export * from './payment/../../db/pool.ts';"],
    ['workflows/x.ts', "import { createPaymentActivities } from '../activities/payment.ts';"],
    ['workflows/x.ts', "import { Client } from '@temporalio/client';"],
    ['activities/x.ts', "import { payment } from '../workflows/payment/workflow.ts';"],
    ['activities/x.ts', "import { createApp } from '.././api/app.ts';"],
    ['db/x.ts', "import { createApp } from '../api/app.ts';"],
    ['api/payment/x.ts', "import { createPaymentActivities } from '../../activities/payment.ts';"],
    ['api/x.ts', "await import('../activities/payment.ts');"],
    ['api/x.ts', "import { payment } from '../workflows/payment/not-a-contract.ts';"],
    ['api/x.ts', "import { pool } from 'pg';"],
    ['workers/x.ts', "import { seed } from '../dev/seed.ts';"],
    ['workers/x.ts', "import { startStack } from '../test/support/stack.ts';"],
    ['partners/issuer/x.ts', "import { money } from '../../domain/money.ts';"],
    ['partners/issuer/x.ts', "import { createPool } from '../../db/pool.ts';"],
    ['partners/issuer/x.ts', "import { TestWorkflowEnvironment } from '@temporalio/testing';"],
    ['web/till/x.ts', "import { createPool } from '/work/db/pool.ts';"],
  ])('in %s: %s', async (filePath, code) => {
    expect(await refusals(filePath, code)).not.toEqual([]);
  });
});

describe('the import rule lets pass', () => {
  it.each([
    ['domain/payment/x.ts', "import { money } from '../money.ts';"],
    ['workflows/payment/x.ts', "import { money } from '../../domain/money.ts';"],
    ['workflows/payment/x.ts', "import type { Activities } from '../../activities/payment.ts';"],
    ['workflows/payment/x.ts', "import { proxyActivities } from '@temporalio/workflow';"],
    ['activities/x.ts', "import { webhookDeliveryId } from '../workflows/webhook-delivery/contract.ts';"],
    ['api/payment/x.ts', "import { DEFAULT_TASK_QUEUE } from '../../workflows/task-queue.ts';"],
    ['api/webhook/x.ts', "import { createPool } from '../../db/pool.ts';"],
    ['workers/x.ts', "import { createPaymentActivities } from '../activities/payment.ts';"],
    ['workers/x.ts', "import { createApp } from '../api/app.ts';"],
    ['partners/issuer/x.ts', "import pg from 'pg';"],
    ['dev/x.ts', "await import('../api/app.ts');"],
    ['test/unit/x.ts', "await import('../../api/app.ts');"],
  ])('in %s: %s', async (filePath, code) => {
    expect(await refusals(filePath, code)).toEqual([]);
  });
});

describe('domain', () => {
  it.each([
    'Date.now();',
    'const { now } = Date;',
    'new Date();',
    'Date();',
    'Math.random();',
    'crypto.randomUUID();',
    'performance.now();',
    'globalThis.performance.now();',
    "Buffer.from('');",
    'process.env;',
    "fetch('https://example.com');",
    'setTimeout(() => undefined, 1);',
    'setInterval(() => undefined, 1);',
  ])('has no clock, chance or runtime: %s', async (code) => {
    expect(await refusals('domain/x.ts', code)).not.toEqual([]);
  });

  it.each(["new Date('2026-01-01T00:00:00Z');", "Date.parse('2026-01-01T00:00:00Z');", 'Math.trunc(1.5);'])(
    'reckons with what it is given: %s',
    async (code) => {
      expect(await refusals('domain/x.ts', code)).toEqual([]);
    },
  );

  it('is stricter than workflows, whose sandbox replays the clock', async () => {
    expect(await refusals('workflows/x.ts', 'Date.now();')).toEqual([]);
  });
});
