import type { Client } from '@temporalio/client';

/** How many histories of each kind are counted; the largest is reported. */
const SAMPLE = 5;

/** Events in the histories of finished workflows. A retry or a second task would show as a larger count. */
export async function countEvents(
  client: Client,
  workflowIds: readonly string[],
): Promise<{ least: number; most: number }> {
  const counts: number[] = [];
  for (const workflowId of workflowIds.slice(-SAMPLE)) {
    const handle = client.workflow.getHandle(workflowId);
    await handle.result();
    const { events } = await handle.fetchHistory();
    counts.push(events?.length ?? 0);
  }
  return { least: Math.min(...counts), most: Math.max(...counts) };
}
