import { condition, setHandler } from '@temporalio/workflow';
import type { ToldOperator } from '../../activities/parking-operator.ts';
import { SETTLEMENT_CANCEL_WINDOW_MS } from '../../domain/parking/settlement.ts';
import type { Book } from './book.ts';
import { cancelParking, operatorAnswered, stayEnded, type ParkingCancelOutcome } from './contract.ts';

const MAX_EVENTS = 50;

/** What comes in from outside while a settlement is under way: early, late, twice and in any order. */
export interface Mail {
  /** From now on there is something to answer about. */
  open(book: Book): void;
  /** What the operator's server has said on its own and nobody has looked at, oldest first. */
  readonly answers: ToldOperator[];
  /** This one has been looked at, wherever it was heard first. */
  seen(eventId: string): void;
  /** The stay has ended, says somebody; looked up where it counts. */
  stayEnded: boolean;
  /** The driver wants to take it back, and waits. */
  wantsCancel(): boolean;
  answerCancel(outcome: ParkingCancelOutcome): void;
  /** Nothing more can happen: who still waits is told so. */
  close(): void;
}

export function openMail(): Mail {
  let book: Book | undefined;
  let isClosed = false;
  let isCancelAsked = false;
  let canceled: ParkingCancelOutcome | undefined;
  const verdict = (): ParkingCancelOutcome | undefined => canceled;
  const seen = new Set<string>();
  const mail: Mail = {
    answers: [],
    seen(eventId) {
      seen.add(eventId);
      const twin = mail.answers.findIndex((it) => it.eventId === eventId);
      if (twin >= 0) mail.answers.splice(twin, 1);
    },
    stayEnded: false,
    open(it) {
      book = it;
    },
    wantsCancel: () => isCancelAsked && canceled === undefined,
    answerCancel(outcome) {
      canceled ??= outcome;
    },
    close() {
      isClosed = true;
    },
  };

  setHandler(
    operatorAnswered,
    (it) => {
      // Postgres keeps each event once and for good; this saves looking at the same one again.
      if (seen.has(it.eventId) || seen.size >= MAX_EVENTS) return;
      seen.add(it.eventId);
      mail.answers.push({ eventId: it.eventId, outcome: it.outcome });
    },
    { description: "Kessai's own: the operator's server has spoken (POST …/confirmations)." },
  );
  setHandler(
    stayEnded,
    () => {
      mail.stayEnded = true;
    },
    { description: "Kessai's own: the operator's server says that the stay has ended." },
  );
  setHandler(
    cancelParking,
    async (): Promise<ParkingCancelOutcome> => {
      await condition(() => book !== undefined || isClosed);
      if (book === undefined) return refused('The settlement was not paid.');
      const { paidAt, state, releasedBy } = book.view();
      if (canceled !== undefined) return canceled;
      if (isClosed || paidAt === undefined || ENDED.has(state))
        return refused(`The settlement is ${state}: there is nothing left to take back.`);
      if (releasedBy === 'OPERATOR') return refused('A person has let the car out for this settlement.');
      if (Date.now() > Date.parse(paidAt) + SETTLEMENT_CANCEL_WINDOW_MS)
        return refused('A settlement can be canceled within three minutes of paying.');
      isCancelAsked = true;
      await book.step({ step: 'CANCEL_REQUESTED' });
      await condition(() => verdict() !== undefined || isClosed);
      return verdict() ?? refused(`The settlement is ${book.view().state}.`);
    },
    {
      description:
        'The driver paid for the wrong space. Waits until the operator has said whether it can be taken back.',
    },
  );
  return mail;
}

const ENDED: ReadonlySet<string> = new Set(['EXITED', 'OVERSTAYED', 'REFUNDED', 'DECLINED']);

function refused(detail: string): ParkingCancelOutcome {
  return { kind: 'refused', detail };
}
