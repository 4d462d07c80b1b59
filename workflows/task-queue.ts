/** The queue of all workflows and their activities, unless `KESSAI_TASK_QUEUE` names another. */
export const DEFAULT_TASK_QUEUE = 'kessai';
