import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { inject } from 'vitest';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes.ts';

/** temporal.api.enums.v1.IndexedValueType */
const INDEXED_VALUE_TYPE = {
  Text: 1,
  Keyword: 2,
  Int: 3,
  Double: 4,
  Bool: 5,
  Datetime: 6,
  KeywordList: 7,
} as const;

/** A task queue that no other test uses, with the title in it for whoever reads a history. */
export function taskQueueFor(title: string): string {
  const readable = title.replace(/[^A-Za-z0-9]+/g, '-').slice(0, 60);
  return `${readable}-${randomBytes(4).toString('hex')}`;
}

/** The dev server all tests share. Tests keep apart by task queue and workflow ids. */
export function connectDevServer(): Promise<TestWorkflowEnvironment> {
  return TestWorkflowEnvironment.createFromExistingServer({ address: inject('temporalAddress') });
}

/**
 * A time-skipping server of its own for a test file (about a second): it has one clock for everything on it, so tests
 * on it run one after the other, which they do within a file.
 */
export async function createTimeSkippingServer(): Promise<TestWorkflowEnvironment> {
  const environment = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: inject('timeSkippingPath') } },
  });
  const searchAttributes = Object.fromEntries(
    SEARCH_ATTRIBUTES.map(([name, type]) => [name, INDEXED_VALUE_TYPE[type]]),
  );
  await environment.connection.operatorService.addSearchAttributes({
    namespace: environment.namespace ?? 'default',
    searchAttributes,
  });
  return environment;
}

/** The workflow bundle built once for the run, as `Worker.create({workflowBundle})` takes it. */
export async function workflowBundle(): Promise<{ code: string }> {
  return { code: await readFile(inject('bundlePath'), 'utf8') };
}
