import { Context } from '@temporalio/activity';

/**
 * The time of this try: when the workflow asked, plus what has passed on the server between the first try and this one. So a
 * retry an hour later sees a code that has expired by then, and a test that skips time is followed.
 */
export function timeOfTry(askedAt: string): string {
  const { scheduledTimestampMs, currentAttemptScheduledTimestampMs } = Context.current().info;
  const waitedMs = Math.max(0, currentAttemptScheduledTimestampMs - scheduledTimestampMs);
  return new Date(Date.parse(askedAt) + waitedMs).toISOString();
}
