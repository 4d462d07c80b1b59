import { Context } from '@temporalio/activity';

/**
 * The time of this try: when the workflow asked, plus what has passed since its activity was scheduled. So a retry an hour
 * later sees a code that has expired by then, and a test that skips time is followed.
 */
export function timeOfTry(askedAt: string): string {
  const waitedMs = Math.max(0, Date.now() - Context.current().info.scheduledTimestampMs);
  return new Date(Date.parse(askedAt) + waitedMs).toISOString();
}
