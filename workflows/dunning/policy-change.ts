import { continueAsNew, proxyActivities } from '@temporalio/workflow';
import type { createPolicyActivities } from '../../activities/dunning-policy.ts';
import type { PolicyChangeInput } from './contract.ts';

const { signalCampaigns } = proxyActivities<ReturnType<typeof createPolicyActivities>>({
  startToCloseTimeout: '60s',
  retry: { initialInterval: '1s', maximumInterval: '1m' },
});

/** So many batches a run: a history stays short however many debts there are. */
const BATCHES_A_RUN = 100;

/** Tells every running campaign of an issuer that its rules have changed, a batch at a time. */
export async function policyChange(input: PolicyChangeInput): Promise<void> {
  let { after } = input;
  for (let batch = 0; batch < BATCHES_A_RUN; batch += 1) {
    const last = await signalCampaigns({ ...input, after });
    if (last === undefined) return;
    after = last;
  }
  await continueAsNew<typeof policyChange>({ ...input, after });
}
