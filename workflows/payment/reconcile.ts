import { condition, setCurrentDetails, setHandler, sleep } from '@temporalio/workflow';
import type { StoredOutcome } from '../../activities/payment.ts';
import { assertDefined } from '../../domain/assert.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import { waitForOperator } from '../operator-word.ts';
import { journalArrived, resolveDispute, type JournalArrived, type PaymentInput } from './contract.ts';
import { refundDispute } from './credit.ts';
import { paymentDetails } from './details.ts';
import { ledgerStep } from './ledger-step.ts';

/**
 * Waits until the phone's journal has confirmed an offline payment, or its deadline has passed, or a journal that covers its
 * time does not have it: then a person decides. Postgres knows first; the signal only wakes, and the deadline looks by itself.
 */
export async function reconcile(input: PaymentInput, decided: StoredOutcome): Promise<PaymentView> {
  let heard: JournalArrived | undefined;
  let showNews = (): void => undefined;
  setHandler(
    journalArrived,
    (it) => {
      heard = it;
      showNews();
    },
    { description: "Kessai's own: the phone's journal has spoken of this payment." },
  );
  // A run after a reset or a termination may come after the journal, and so may a decision that took its time.
  const isLate = decided.replayed || decided.journalCame === true;
  let view = isLate ? await look(input) : decided.view;
  setCurrentDetails(
    `${paymentDetails(input, view)}\n| reconciliation | waits for the phone's journal until ${decided.reconcileUntil ?? ''} |`,
  );
  const untilMs = Date.parse(assertDefined(decided.reconcileUntil ?? undefined));
  while (view.reconciliation === 'PENDING') {
    // The timer is left to the end of the workflow: taking it back would be an event in every history.
    await Promise.race([sleep(Math.max(1, untilMs - Date.now())), condition(() => heard !== undefined)]);
    const said = heard?.reconciliation;
    view = said === 'MATCHED' || said === 'DISPUTED' ? { ...view, reconciliation: said } : await look(input);
    if (view.reconciliation === 'PENDING') {
      // Nothing a journal says, or a clock that is behind: a moment later it is past the deadline.
      heard = undefined;
      await sleep(CLOCKS_APART_MS);
    }
  }
  if (view.reconciliation === 'DISPUTED') {
    view = await dispute(
      input,
      view,
      () => heard?.entryCameAt,
      (show) => {
        showNews = show;
      },
    );
  }
  setCurrentDetails(`${paymentDetails(input, view)}\n| reconciliation | ${view.reconciliation ?? ''} |`);
  return view;
}

/** How far the clocks of Temporal's and of the ledger's machines may be apart. */
const CLOCKS_APART_MS = 1_000;

async function look({ merchantId, merchantPaymentId }: PaymentInput): Promise<PaymentView> {
  const found = await ledgerStep((activities, askedAt) =>
    activities.reconcilePayment({ merchantId, merchantPaymentId, askedAt }),
  );
  return found.view;
}

/** A person decides; its key was revoked when the journal came. A refund goes to where the money came from. */
async function dispute(
  input: PaymentInput,
  view: PaymentView,
  entryCameAt: () => string | undefined,
  onNews: (show: () => void) => void,
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
    ].join('\n');
  };
  const word = await waitForOperator(resolveDispute, ['REFUND', 'ACCEPT'], details, onNews);
  const { merchantId, merchantPaymentId } = input;
  const resolved = await ledgerStep((activities, askedAt) =>
    activities.resolveDispute({ ...word, merchantId, merchantPaymentId, askedAt }),
  );
  if (resolved.credit !== null && resolved.refunded > 0) {
    await refundDispute(view, resolved.credit, resolved.refunded);
  }
  return resolved.view;
}
