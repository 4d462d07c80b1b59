import { condition, sleep } from '@temporalio/workflow';
import { assertDefined } from '../../domain/assert.ts';
import {
  AWAIT_OPERATOR_AFTER_MS,
  type ReleaseOutcome,
  type SettlementRefundReason,
} from '../../domain/parking/settlement.ts';
import type { Book } from './book.ts';
import type { ReleaseWord } from './contract.ts';
import type { Mail } from './mail.ts';
import { askPerson, heedLateWords, keepWord } from './person.ts';
import { giveBack } from './refund.ts';
import { cancelAtServer, startCanceling, startTelling, type Taken, type Telling } from './server.ts';

/** Who was first to say what becomes of the driver. */
type First =
  | { readonly by: 'SERVER'; readonly outcome: ReleaseOutcome; readonly eventId?: string | undefined }
  | { readonly by: 'PERSON'; readonly word: ReleaseWord }
  | { readonly by: 'DRIVER' };

const REFUND_OF = {
  NOT_RELEASED: 'NOT_RELEASED',
  ALREADY_SETTLED: 'ALREADY_SETTLED',
} as const satisfies Record<Exclude<ReleaseOutcome, 'RELEASED'>, SettlementRefundReason>;

/** From paid to the end: the driver is out, or has the money back. The first answer counts; nothing is given back on silence. */
export async function release(book: Book, mail: Mail): Promise<void> {
  heedLateWords(book);
  // A run after a reset or a termination finds what was decided before it.
  const { refund, releasedAt } = book.view();
  if (refund !== undefined) {
    // One that has failed is with a person.
    if (refund.status === 'IN_PROGRESS') await giveBack(book, refund.reason);
    mail.answerCancel({ kind: 'done' });
    return;
  }
  if (releasedAt !== undefined) {
    // The end of the stay may have been told while nothing ran.
    mail.stayEnded = true;
    return afterRelease(book, mail, undefined);
  }

  let isServerAsked = book.release === 'SERVER';
  for (;;) {
    const telling = isServerAsked ? startTelling(book) : undefined;
    const first = await firstAnswer(book, mail, telling);
    if (first.by === 'SERVER') {
      telling?.stop();
      return obeyServer(book, mail, first);
    }
    if (isOut(first)) return releaseByHand(book, mail, first.word, telling);
    telling?.stop();
    const canBeAsked = telling !== undefined && !telling.gaveUp();
    const { taken, by } = canBeAsked
      ? await takeBackAtServer(book, first)
      : ({ taken: 'NOBODY_TO_ASK', by: first } as const);
    if (isOut(by)) return releaseByHand(book, mail, by.word, undefined);
    if (taken === 'CANCELED' || (taken === 'NOBODY_TO_ASK' && by.by === 'PERSON'))
      return takeBack(book, mail, by);
    noteWhyNot(book, mail, by, taken);
    isServerAsked = taken === 'TOO_LATE';
  }
}

type Out = First & { by: 'PERSON' };
const isOut = (first: First): first is Out => first.by === 'PERSON' && first.word.outcome === 'RELEASED';

async function releaseByHand(book: Book, mail: Mail, word: ReleaseWord, telling: Telling | undefined) {
  await book.step({ step: 'RELEASED', by: 'OPERATOR', answer: answerOf(book, word) });
  return afterRelease(book, mail, telling);
}

/**
 * Has the server take it back. Where only the driver asks for that and the server is silent, a person is asked as well, when it is time:
 * the driver may stand before a shut gate.
 *
 * @returns by whose word it is taken back, or the driver let out after all
 */
async function takeBackAtServer(book: Book, first: First): Promise<{ taken: Taken; by: First }> {
  if (first.by !== 'DRIVER') return { taken: await cancelAtServer(book), by: first };
  const canceling = startCanceling(book);
  const isKnown = (): boolean => canceling.taken() !== undefined;
  let by: First = first;
  if (!(await untilTimeForPerson(book, isKnown))) {
    await book.step({ step: 'AWAITING' });
    const word = await askPerson(book, isKnown, { gaveUp: () => false });
    heedLateWords(book);
    if (word !== undefined) by = { by: 'PERSON', word };
    if (isOut(by)) {
      canceling.stop();
      return { taken: 'SILENT', by };
    }
  }
  await condition(isKnown);
  return { taken: assertDefined(canceling.taken()), by };
}

/** @returns true if it became known before it was time to ask a person */
async function untilTimeForPerson(book: Book, isKnown: () => boolean): Promise<boolean> {
  const { paidAt = '' } = book.view();
  const leftMs = Date.parse(paidAt) + AWAIT_OPERATOR_AFTER_MS - Date.now();
  return leftMs > 0 ? condition(isKnown, leftMs) : isKnown();
}

/** The first of: the operator's server, a person once it is time for one, the driver who takes it back. */
async function firstAnswer(book: Book, mail: Mail, telling: Telling | undefined): Promise<First> {
  const heard = (): First | undefined => {
    const answer = telling?.answer() ?? mail.answers.shift();
    if (answer !== undefined) return { by: 'SERVER', ...answer };
    // Where there is no server, the person at the place is told of it, and says whether it can be taken back.
    return telling !== undefined && mail.wantsCancel() ? { by: 'DRIVER' } : undefined;
  };
  let first: First | undefined;
  const look = (): First | undefined => (first ??= heard());
  const isHeard = (): boolean => look() !== undefined;
  if (telling !== undefined) await untilTimeForPerson(book, isHeard);
  const early = look();
  if (early !== undefined) return early;
  await book.step({ step: 'AWAITING' });
  const word = await askPerson(book, isHeard, telling);
  heedLateWords(book);
  if (word === undefined) return assertDefined(look());
  // Both within one moment: the person may have opened already, so the server's answer is looked at after theirs.
  if (first?.by === 'SERVER') mail.answers.unshift(first);
  return { by: 'PERSON', word };
}

async function obeyServer(book: Book, mail: Mail, said: First & { by: 'SERVER' }): Promise<void> {
  if (said.eventId !== undefined) mail.seen(said.eventId);
  const answer = serverAnswer(book, said, true);
  if (said.outcome === 'RELEASED') {
    await book.step({ step: 'RELEASED', by: 'SERVER', answer });
    return afterRelease(book, mail, undefined);
  }
  await book.step({ step: 'NOTE', answer });
  await giveBack(book, REFUND_OF[said.outcome]);
  mail.answerCancel({ kind: 'done' });
}

/** The driver can go. What a person has said the server still hears; a server waits for the car to leave. */
async function afterRelease(book: Book, mail: Mail, telling: Telling | undefined): Promise<void> {
  const { releasedBy, acknowledgements } = book.view();
  const isByPerson = releasedBy === 'OPERATOR';
  const hasServer = book.release === 'SERVER';
  if (isByPerson) {
    mail.answerCancel({ kind: 'refused', detail: 'A person has let the car out for this settlement.' });
  }
  const mustHear = isByPerson && hasServer && acknowledgements.operator === null;
  const told = mustHear ? (telling ?? startTelling(book)) : undefined;
  await Promise.all([
    told === undefined ? undefined : hearLate(book, mail, told),
    hasServer ? untilExit(book, mail) : undefined,
  ]);
}

/** A person has opened: the server books it. Only its word that the stay had been paid before gives the money back. */
async function hearLate(book: Book, mail: Mail, telling: Telling): Promise<void> {
  await condition(() => telling.answer() !== undefined || telling.gaveUp() || mail.answers.length > 0);
  const said = telling.answer() ?? mail.answers.shift();
  telling.stop();
  if (said === undefined) return;
  const isPaidTwice = said.outcome === 'ALREADY_SETTLED';
  await book.step({
    step: 'NOTE',
    answer: {
      ...serverAnswer(book, { by: 'SERVER', ...said }, isPaidTwice || said.outcome === 'RELEASED'),
      detail: isPaidTwice ? undefined : 'a person had released',
    },
  });
  if (isPaidTwice) await giveBack(book, 'ALREADY_SETTLED');
}

async function untilExit(book: Book, mail: Mail): Promise<void> {
  const untilMs = Date.parse(book.view().exitBy);
  const isOver = (): boolean => book.view().state !== 'RELEASED';
  while (!isOver()) {
    await condition(
      () => isOver() || mail.stayEnded || mail.wantsCancel() || hasLateAnswer(book, mail),
      Math.max(1, untilMs - Date.now()),
    );
    if (isOver()) return;
    for (const said of book.view().releasedBy === 'SERVER' ? mail.answers.splice(0) : [])
      keepLate(book, said);
    if (mail.wantsCancel()) {
      if ((await cancelAtServer(book)) === 'CANCELED') return takeBack(book, mail, { by: 'DRIVER' });
      mail.answerCancel(TOO_LATE);
    }
    if (!mail.stayEnded && Date.now() < untilMs) continue;
    mail.stayEnded = false;
    const { operatorId, sessionId, exitBy } = book.view();
    await book.ask((activities, askedAt) =>
      activities.lookAtExit({ ref: book.ref, operatorId, sessionId, exitBy, askedAt }),
    );
    // Clocks that are a little apart: a moment later it is over.
    if (!isOver() && Date.now() >= untilMs) await sleep(CLOCKS_APART_MS);
  }
}

const CLOCKS_APART_MS = 1_000;
const TOO_LATE = {
  kind: 'refused',
  detail: 'The operator has released the car for this settlement: it can no longer be taken back.',
} as const;

function hasLateAnswer(book: Book, mail: Mail): boolean {
  return book.view().releasedBy === 'SERVER' && mail.answers.length > 0;
}

function keepLate(book: Book, said: { outcome: ReleaseOutcome; eventId?: string | undefined }): void {
  book.keep({
    id: said.eventId === undefined ? undefined : `event:${said.eventId}`,
    source: 'CONFIRMATION',
    outcome: said.outcome,
    detail: 'the first answer stands: RELEASED',
  });
}

async function takeBack(book: Book, mail: Mail, first: First): Promise<void> {
  if (first.by === 'PERSON') await book.step({ step: 'NOTE', answer: answerOf(book, first.word) });
  const isWord = first.by === 'PERSON' && first.word.outcome !== 'RELEASED';
  await giveBack(book, isWord ? REFUND_OF[first.word.outcome] : 'CANCELED');
  mail.answerCancel({ kind: 'done' });
}

/** What was asked for cannot be done: kept and shown, and the operator is asked again. */
function noteWhyNot(book: Book, mail: Mail, first: First, taken: string): void {
  const why =
    taken === 'TOO_LATE'
      ? "the operator's server had released before it heard of this; nothing is given back"
      : "the operator's server did not say for three days whether it could take it back";
  if (first.by === 'PERSON') {
    keepWord(book, first.word, why);
  } else {
    book.keep({ source: 'DRIVER', outcome: 'TOO_LATE', detail: why });
    mail.answerCancel({ kind: 'refused', detail: `It can no longer be taken back: ${why}.` });
  }
}

function answerOf(book: Book, { operator, outcome, reason }: ReleaseWord) {
  return {
    id: book.nextId('word'),
    source: 'OPERATOR',
    outcome,
    isObeyed: true,
    detail: reason === undefined ? operator : `${operator}: ${reason}`,
  } as const;
}

function serverAnswer(book: Book, said: First & { by: 'SERVER' }, isObeyed: boolean) {
  const { outcome, eventId } = said;
  return eventId === undefined
    ? ({ id: book.nextId('call'), source: 'SERVER', outcome, isObeyed } as const)
    : ({ id: `event:${eventId}`, source: 'CONFIRMATION', outcome, isObeyed } as const);
}
