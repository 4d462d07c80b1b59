import { ActivityFailure, isCancellation, proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { createPushActivities, PushOutcome } from '../../activities/push.ts';
import { PUSH_RETRY } from '../../domain/push/send.ts';
import { ledgerStep } from '../payment/ledger-step.ts';
import type { PushInput } from './contract.ts';

/**
 * Brings one message of the inbox to the user's browsers, each for as long as the message is of use. That a push service has taken
 * it says nothing of the phone: what the phone says comes as events of the message.
 */
export async function push({ messageId }: PushInput): Promise<PushOutcome | 'UNKNOWN'> {
  const plan = await ledgerStep((activities, askedAt) => activities.beginPush({ messageId, askedAt }));
  if (plan === undefined) return 'UNKNOWN';
  setCurrentDetails(`Message \`${messageId}\` to ${plan.pushIds.length} browsers, until ${plan.until}.`);
  const leftMs = Date.parse(plan.until) - Date.now();
  if (leftMs > 0) await Promise.all(plan.pushIds.map((pushId) => send({ messageId, pushId }, leftMs)));
  const outcome = await ledgerStep((activities) => activities.concludePush(messageId));
  setCurrentDetails(`Message \`${messageId}\`: **${outcome ?? 'UNKNOWN'}**`);
  return outcome ?? 'UNKNOWN';
}

/** Temporal retries; each failure says when, by the rule in domain/push. One browser's failure keeps no other waiting. */
async function send(it: { messageId: string; pushId: string }, leftMs: number): Promise<void> {
  const { sendPush } = proxyActivities<ReturnType<typeof createPushActivities>>({
    startToCloseTimeout: '30s',
    scheduleToCloseTimeout: leftMs,
    retry: { initialInterval: PUSH_RETRY.firstDelayMs, maximumInterval: PUSH_RETRY.maxDelayMs },
  });
  try {
    await sendPush(it);
  } catch (error) {
    // Its time is over; what becomes of the message is concluded from what was recorded.
    if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
  }
}
