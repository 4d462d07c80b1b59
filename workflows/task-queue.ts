/** The queue of all workflows and their activities, unless `KESSAI_TASK_QUEUE` names another. */
export const DEFAULT_TASK_QUEUE = 'kessai';

/** The queue beside it that calls merchants: as slow as they are, and no till behind it. */
export function webhookTaskQueue(taskQueue: string): string {
  return `${taskQueue}-webhooks`;
}

/** The queue of the calls to pay-later issuers: a slow issuer takes no slots from tills either. */
export function issuerTaskQueue(taskQueue: string): string {
  return `${taskQueue}-issuer`;
}

/** The queue of the calls to parking operators' servers. */
export function parkingTaskQueue(taskQueue: string): string {
  return `${taskQueue}-parking`;
}

/** The queue of the comparisons of the books: long work, a few at a time, and no till waits for a connection of theirs. */
export function reconciliationTaskQueue(taskQueue: string): string {
  return `${taskQueue}-reconciliation`;
}

/** The queue of dunning campaigns and their steps: however many are due at once, no till waits for them. */
export function dunningTaskQueue(taskQueue: string): string {
  return `${taskQueue}-dunning`;
}

/** The queue of calls to push services, as slow as those are. */
export function pushTaskQueue(taskQueue: string): string {
  return `${taskQueue}-push`;
}

/** The queue that all others are named after, from that of campaigns. */
export function mainTaskQueue(ofDunning: string): string {
  return ofDunning.replace(/-dunning$/, '');
}
