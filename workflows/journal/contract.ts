import { defineUpdate } from '@temporalio/workflow';
import type { Journal, JournalResult } from '../../domain/journal/journal.ts';

export type JournalInput = Omit<Journal, 'receivedAt'>;

/** Waits until the journal that the same call starts is recorded. */
export const submitJournal = defineUpdate<JournalResult['results']>('submitJournal');

/** One workflow per journal sent; the id says nothing of its contents. */
export function journalWorkflowId(deviceId: string, journalId: string): string {
  return `journal:${deviceId}:${journalId}`;
}
