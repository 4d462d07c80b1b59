import type { createRefundActivities } from '../../activities/refund.ts';
import { ledgerStep } from '../payment/ledger-step.ts';

type RefundActivities = ReturnType<typeof createRefundActivities>;

/** A refund's steps go to the ledger as a payment's do; its proxies reach every activity of the task queue by name. */
export const refundStep = ledgerStep as unknown as <T>(
  step: (activities: RefundActivities, askedAt: string) => Promise<T>,
) => Promise<T>;
