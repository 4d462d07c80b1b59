import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { inject } from 'vitest';
import { startTimeSkippingServer } from '../../dev/servers/time-skipping-server.ts';

/** A task queue that no other test uses, with the title in it for whoever reads a history. */
export function taskQueueFor(title: string): string {
  const readable = title.replace(/[^A-Za-z0-9]+/g, '-').slice(0, 60);
  return `${readable}-${randomBytes(4).toString('hex')}`;
}

/** The dev server all tests share. Tests keep apart by task queue and workflow ids. */
export function connectDevServer(): Promise<TestWorkflowEnvironment> {
  return TestWorkflowEnvironment.createFromExistingServer({ address: inject('temporalAddress') });
}

/** A time-skipping server of its own for a test: one whose time has been skipped by hand does not always skip again by itself. */
export function createTimeSkippingServer(): Promise<TestWorkflowEnvironment> {
  return startTimeSkippingServer(inject('timeSkippingPath'));
}

/** The workflow bundle built once for the run, as `Worker.create({workflowBundle})` takes it. */
export async function workflowBundle(): Promise<{ code: string }> {
  return { code: await readFile(inject('bundlePath'), 'utf8') };
}
