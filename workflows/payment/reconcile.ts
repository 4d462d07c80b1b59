import { condition, setCurrentDetails, setHandler, sleep } from '@temporalio/workflow';
import type { createJournalActivities } from '../../activities/journal.ts';
import type { StoredOutcome } from '../../activities/payment.ts';
import { assertDefined } from '../../domain/assert.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import { waitForOperator } from '../operator-word.ts';
import { journalArrived, resolveDispute, type JournalArrived, type PaymentInput } from './contract.ts';
import { refundDispute } from './credit.ts';
import { paymentDetails } from './details.ts';
import { ledgerStep } from './ledger-step.ts';

/** What a payment's issuer is asked beside its reconciliation, and what both show. */
export interface IssuerSide {
  /** The payment's own operation there is under way: the workflow stays open for it. */
  isBusy: boolean;
  /** What of it is unknown, as markdown. */
  waits: string;
  /** Shows an operator's question anew, while there is one. */
  showQuestion: (() => void) | undefined;
}

/**
 * Waits until the phone's journal has confirmed an offline payment, or its deadline has passed, or a journal that covers its
 * time does not have it: then a person decides. Postgres knows first; the signal only wakes, and the deadline looks by itself.
 * After the deadline a journal is heard as long as the workflow is open for its issuer; later the journal starts it again.
 */
export async function reconcile(
  input: PaymentInput,
  decided: StoredOutcome,
  issuer: IssuerSide,
): Promise<PaymentView> {
  let heard: JournalArrived | undefined;
  let entryCameAt: string | undefined;
  setHandler(
    journalArrived,
    (it) => {
      heard = it;
      entryCameAt = it.entryCameAt ?? entryCameAt;
      issuer.showQuestion?.();
    },
    { description: "Kessai's own: the phone's journal has spoken of this payment." },
  );
  const hear = async (): Promise<PaymentView> => {
    const said = heard?.reconciliation;
    heard = undefined;
    return said === 'MATCHED' || said === 'DISPUTED' ? { ...view, reconciliation: said } : look();
  };
  const look = async (): Promise<PaymentView> => {
    const found = await findReconciled(input);
    entryCameAt ??= found.dispute?.entryCameAt;
    // A person's word of before: the run that heard it may not have come to the issuer.
    if (found.view.reconciliation === 'RESOLVED') await refundAtIssuer(found);
    return found.view;
  };
  // A run after a reset or a termination may come after the journal, and so may a decision that took its time.
  const isLate = decided.replayed || decided.journalCame === true;
  let view = decided.view;
  if (isLate) view = await look();
  setCurrentDetails(
    `${paymentDetails(input, view)}\n| reconciliation | waits for the phone's journal until ${decided.reconcileUntil ?? ''} |`,
  );
  const untilMs = Date.parse(assertDefined(decided.reconcileUntil ?? undefined));
  while (view.reconciliation === 'PENDING') {
    // The timer is left to the end of the workflow: taking it back would be an event in every history.
    await Promise.race([sleep(Math.max(1, untilMs - Date.now())), condition(() => heard !== undefined)]);
    view = await hear();
    // Nothing a journal says, or a clock that is behind: a moment later it is past the deadline.
    if (view.reconciliation === 'PENDING') await sleep(CLOCKS_APART_MS);
  }
  while (view.reconciliation === 'UNCONFIRMED') {
    await condition(() => heard !== undefined || !issuer.isBusy);
    if (heard === undefined) break;
    view = await hear();
  }
  if (view.reconciliation === 'DISPUTED') view = await dispute(input, view, () => entryCameAt, issuer);
  setCurrentDetails(`${paymentDetails(input, view)}\n| reconciliation | ${view.reconciliation ?? ''} |`);
  return view;
}

/** How far the clocks of Temporal's and of the ledger's machines may be apart. */
const CLOCKS_APART_MS = 1_000;

type JournalSteps = ReturnType<typeof createJournalActivities>;

function findReconciled({
  merchantId,
  merchantPaymentId,
}: PaymentInput): ReturnType<JournalSteps['reconcilePayment']> {
  return ledgerStep((activities, askedAt) =>
    activities.reconcilePayment({ merchantId, merchantPaymentId, askedAt }),
  );
}

/** A person decides; its key was revoked when the journal came. A refund goes to where the money came from. */
async function dispute(
  input: PaymentInput,
  view: PaymentView,
  entryCameAt: () => string | undefined,
  issuer: IssuerSide,
): Promise<PaymentView> {
  const details = (): string => {
    const late = entryCameAt();
    return [
      paymentDetails(input, view),
      '| reconciliation | **DISPUTED** |',
      '',
      "The phone's journal covers the time of this payment and does not have it: somebody else may have shown the code. The offline key is revoked.",
      late === undefined ? '' : `\n**A later journal has the entry after all** (${late}).`,
      '',
      '`REFUND` gives the payer back what is left of it, at our cost; the merchant keeps its money. `ACCEPT` leaves it as it is.',
      ...(issuer.isBusy && issuer.waits !== '' ? ['', issuer.waits] : []),
    ].join('\n');
  };
  const word = await waitForOperator(resolveDispute, ['REFUND', 'ACCEPT'], details, (show) => {
    issuer.showQuestion = show;
  });
  issuer.showQuestion = undefined;
  const { merchantId, merchantPaymentId } = input;
  const resolved = await ledgerStep((activities, askedAt) =>
    activities.resolveDispute({ ...word, merchantId, merchantPaymentId, askedAt }),
  );
  await refundAtIssuer(resolved);
  return resolved.view;
}

/** The same calls under the same keys, whichever run comes to them: what the issuer has done it does not do again. */
async function refundAtIssuer({
  view,
  credit,
  refunded,
}: Awaited<ReturnType<JournalSteps['reconcilePayment']>>): Promise<void> {
  if (credit === undefined || credit === null || refunded === undefined || refunded === 0) return;
  await refundDispute(view, credit, refunded);
}
