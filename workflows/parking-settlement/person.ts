import { setHandler } from '@temporalio/workflow';
import { describeMoney } from '../../domain/money.ts';
import { RELEASE_OUTCOMES } from '../../domain/parking/settlement.ts';
import { askOperator, isText } from '../operator-word.ts';
import type { Book } from './book.ts';
import { confirmRelease, type ReleaseWord } from './contract.ts';
import type { Telling } from './server.ts';

/** Asks a person whether the driver is out. Undefined once somebody else has said it. */
export async function askPerson(
  book: Book,
  isOver: () => boolean,
  telling: Pick<Telling, 'gaveUp'> | undefined,
): Promise<ReleaseWord | undefined> {
  const { amount } = book.view();
  const word = await askOperator<ReleaseWord>({
    signal: confirmRelease,
    choices: { field: 'outcome', values: RELEASE_OUTCOMES },
    example: { operator: 'your name', outcome: 'RELEASED', amount, reason: 'what you found' },
    read: (sent) => readWord(sent, amount),
    details: () => `${book.details()}\n\n${whatToCheck(book, telling)}`,
    onNews: (show) => {
      book.showThrough(show);
    },
    onRefused: (fault) => {
      book.keep({ source: 'OPERATOR', detail: fault });
    },
    onSecond: (second) => {
      keepWord(book, second, 'another word came before it');
    },
    isOver,
  });
  book.showThrough(undefined);
  return word;
}

/** Whatever a person says while nobody asks is kept and shown, and changes nothing. */
export function heedLateWords(book: Book): void {
  setHandler(
    confirmRelease,
    (sent) => {
      const heard = readWord(sent, book.view().amount);
      if ('fault' in heard) {
        book.keep({ source: 'OPERATOR', detail: heard.fault });
        return;
      }
      keepWord(book, heard.word, `nothing waited for it: the settlement was ${book.view().state}`);
    },
    { description: 'Nothing waits for this now: it would be kept and change nothing.' },
  );
}

/** Keeps and shows a good word that is not obeyed. */
export function keepWord(book: Book, { operator, outcome, reason = '' }: ReleaseWord, why: string): void {
  book.keep({ source: 'OPERATOR', outcome, detail: `${operator}: ${reason} (${why})` });
}

function whatToCheck(book: Book, telling: Pick<Telling, 'gaveUp'> | undefined): string {
  const { space, placeName, releaseCode, cancelRequestedAt } = book.view();
  const money = describeMoney(book.view());
  const call =
    book.operatorPhone === null ? 'Call the operator' : `Call the operator (${book.operatorPhone})`;
  const where = `${placeName}${space === undefined ? '' : `, space ${space}`}`;
  return [
    `**The driver has paid ${money} and may stand before a shut gate.** ${call}: is ${where} open? The driver's phone shows **${releaseCode}**.`,
    '',
    '- `RELEASED`: the driver is out, or can go. Nothing is given back.',
    '- `NOT_RELEASED`: the driver was not let out for this payment. The money goes back.',
    '- `ALREADY_SETTLED`: the stay was paid at the machine as well. The money goes back.',
    ...(telling === undefined
      ? []
      : [
          '',
          telling.gaveUp()
            ? "The operator's server has not answered for three days and is not asked any more."
            : "The operator's server is still being asked; whoever answers first counts. Before money goes back, it is told not to open.",
        ]),
    ...(cancelRequestedAt === undefined
      ? []
      : [
          '',
          '**The driver says that it was the wrong space** and asks for the money back: `NOT_RELEASED` if nothing was opened.',
        ]),
  ].join('\n');
}

function readWord(sent: unknown, due: number): { word: ReleaseWord } | { fault: string } {
  if (typeof sent !== 'object' || sent === null) return { fault: 'not a JSON object' };
  const { operator, outcome: said, amount, reason } = sent as Record<string, unknown>;
  if (!isText(operator)) return { fault: 'operator is not a name' };
  const outcome = RELEASE_OUTCOMES.find((it) => it === said);
  if (outcome === undefined) return { fault: `outcome is not ${RELEASE_OUTCOMES.join(' or ')}` };
  if (reason !== undefined && !isText(reason)) return { fault: 'reason is no text' };
  if (amount !== due) {
    const other = typeof amount === 'number' ? String(amount) : 'no number';
    return { fault: `${operator} said ${outcome}: amount is ${other}, the settlement is of ${due}` };
  }
  return { word: { operator, outcome, amount: due, ...(reason === undefined ? {} : { reason }) } };
}
