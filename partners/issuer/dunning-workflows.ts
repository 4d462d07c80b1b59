import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { createIssuerDunningActivities } from './dunning-activities.ts';

const activities = proxyActivities<ReturnType<typeof createIssuerDunningActivities>>({
  startToCloseTimeout: '3 minutes',
  // Until Kessai takes it, however long it is away.
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '5 minutes' },
});

export interface ScanResult {
  readonly picked: number;
  readonly sent: number;
  readonly refused: number;
  readonly told: number;
}

/** Once a day: picks who has not paid, registers them with Kessai in batches, and tells what they have paid by other ways. */
export async function dailyScan(): Promise<ScanResult> {
  const picked = await activities.pickUnpaid(new Date(Date.now()).toISOString());
  let [sent, refused] = [0, 0];
  for (let after = ''; ;) {
    const batch = await activities.registerNext(after);
    sent += batch.sent;
    refused += batch.refused;
    setCurrentDetails(`${picked} picked, ${sent} sent, ${refused} refused`);
    if (batch.last === undefined) break;
    after = batch.last;
  }
  return { picked, sent, refused, told: await tellRepayments() };
}

/** Tells Kessai of repayments until there are none left to tell. */
export async function tellRepayments(): Promise<number> {
  let told = 0;
  for (;;) {
    const now = await activities.tellRepayments();
    told += now;
    if (now === 0) return told;
  }
}
