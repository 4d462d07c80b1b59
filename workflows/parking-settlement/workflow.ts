import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { RefusedSettlement, StoredSettlement } from '../../activities/parking-settlement.ts';
import { parkingMerchantId, type SettlementView } from '../../domain/parking/settlement.ts';
import { heedNoOperator } from '../operator-word.ts';
import { resolveUnknown } from '../payment/contract.ts';
import { decideOnCredit, settleWithIssuer, type CreditOrder } from '../payment/credit.ts';
import { ledgerStep } from '../payment/ledger-step.ts';
import { openBook, type Book } from './book.ts';
import {
  confirmRelease,
  submitParking,
  type ParkingOutcome,
  type ParkingSettlementInput,
} from './contract.ts';
import { openMail, type Mail } from './mail.ts';
import { release } from './release.ts';

/**
 * A stay that is paid from the phone: decided in one Postgres transaction while the driver waits (or, on credit, when the issuer
 * has spoken), then told to the operator until the driver is released, by the operator's server or by a person; else given back.
 */
export function parkingSettlement(input: ParkingSettlementInput): Promise<SettlementView> {
  // Cancelling the workflow is not taking the settlement back: that is asked of the operator first.
  return CancellationScope.nonCancellable(() => run(input));
}

async function run(input: ParkingSettlementInput): Promise<SettlementView> {
  const requestedAt = workflowInfo().startTime.toISOString();
  const deciding = decide(input, requestedAt);
  const mail = openMail();
  setHandler(
    submitParking,
    // What was decided is more than the phone's outcome; the API takes what it needs.
    (): Promise<ParkingOutcome> => deciding,
    { description: 'Waits for the decision. The API sends it together with the start.' },
  );
  heedNoOperator(confirmRelease, resolveUnknown);

  const decided = await deciding;
  if (decided.kind === 'refused') return refuse(mail, decided);
  if (decided.requestHash !== input.requestHash) return leaveToTheOther(mail, decided);
  const book = openBook(decided);
  mail.open(book);
  const { credit } = decided.payment;
  await Promise.all([
    settle(book, mail),
    credit === null
      ? undefined
      : settleWithIssuer(orderOf(decided), decided.payment, credit, { show: book.showIssuer }),
  ]);
  mail.close();
  await book.close();
  if (!allHandlersFinished()) await condition(allHandlersFinished);
  return book.view();
}

async function settle(book: Book, mail: Mail): Promise<void> {
  book.show();
  const { state } = book.view();
  if (state !== 'DECLINED') await release(book, mail);
}

async function decide(
  input: ParkingSettlementInput,
  requestedAt: string,
): Promise<StoredSettlement | RefusedSettlement> {
  const settled = await ledgerStep((activities, askedAt) =>
    activities.settleParking({ ...input, requestedAt, askedAt }),
  );
  if (settled.kind === 'refused' || settled.requestHash !== input.requestHash) return settled;
  const { credit } = settled.payment;
  if (credit === null || settled.now.state !== 'PAYING') return settled;
  await decideOnCredit(orderOf(settled), settled.payment, credit);
  return ledgerStep((activities, askedAt) =>
    activities.advanceParking({ ref: settled.now.reference, step: 'PAID_ON_CREDIT', askedAt }),
  );
}

function orderOf({ now }: StoredSettlement): CreditOrder {
  const { operatorId, reference, amount, currency } = now;
  return { merchantId: parkingMerchantId(operatorId), merchantPaymentId: reference, amount, currency };
}

/** Nothing was charged and nothing kept: failing leaves the id free for another quote. */
async function refuse(mail: Mail, { code, detail }: RefusedSettlement): Promise<never> {
  mail.close();
  if (!allHandlersFinished()) await condition(allHandlersFinished);
  throw ApplicationFailure.nonRetryable(detail, code);
}

/** The id belongs to another request, as after the workflow of that one was terminated: its own request can take it up. */
async function leaveToTheOther(mail: Mail, { now }: StoredSettlement): Promise<SettlementView> {
  mail.close();
  if (!allHandlersFinished()) await condition(allHandlersFinished);
  throw ApplicationFailure.nonRetryable(`another request of this id is ${now.state}`, 'OtherRequest');
}
