import {
  allHandlersFinished,
  condition,
  defineUpdate,
  proxyActivities,
  setHandler,
} from '@temporalio/workflow';
import { assertDefined } from '../domain/assert.ts';
import type { PaymentView } from '../domain/payment/payment.ts';
import type { PaymentInput } from '../workflows/payment/contract.ts';
import type { createFourStepActivities } from './activities.ts';

export const benchAnswer = defineUpdate<string>('benchAnswer');

/** The floor: what update-with-start costs when there is nothing to do. No input, memo or search attributes either. */
export async function benchFloor(): Promise<void> {
  setHandler(benchAnswer, () => 'done');
  await condition(allHandlersFinished);
}

const steps = proxyActivities<ReturnType<typeof createFourStepActivities>>({ startToCloseTimeout: '10s' });

export const benchSubmit = defineUpdate<PaymentView>('benchSubmit');

/** A payment as textbooks draw it: take the code, check the funds, post the entries, write the result; one activity each. */
export async function benchFourActivities(input: PaymentInput): Promise<PaymentView> {
  let view: PaymentView | undefined;
  setHandler(benchSubmit, async () => {
    await condition(() => view !== undefined);
    return assertDefined(view);
  });
  const at = new Date(Date.now()).toISOString();
  const code = await steps.takeCode({ codeDigest: input.codeDigest, paymentId: input.paymentId, at });
  await steps.checkFunds({ userId: code.userId, payment: input, at });
  await steps.postEntries({ userId: code.userId, payment: input, at });
  view = await steps.writePayment({ ...code, payment: input, at });
  await condition(allHandlersFinished);
  return view;
}
