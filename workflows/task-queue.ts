/** The queue of all workflows and their activities, unless `KESSAI_TASK_QUEUE` names another. */
export const DEFAULT_TASK_QUEUE = 'kessai';

/** The queue beside it that calls merchants: as slow as they are, and no till behind it. */
export function webhookTaskQueue(taskQueue: string): string {
  return `${taskQueue}-webhooks`;
}
