import type { IssuerOutcome } from './credit.ts';

/** How an operator says that an operation ended of which its issuer had said nothing for days. */
export interface SaidEnd {
  readonly operator: string;
  readonly action: 'COMPLETED' | 'FAILED';
  readonly reason: string;
}

/** What the issuer says when it is asked once more after the word; undefined if it is still silent. */
export type LastAnswer = Exclude<IssuerOutcome, { kind: 'GAVE_UP' }> | undefined;

/** The issuer's own end of an operation. */
export type FinalAnswer = Extract<IssuerOutcome, { kind: 'DONE' | 'REFUSED' }>;

/** A break for a person: `late` if the books here follow the issuer after all, else somebody has to find out. */
export interface Contradiction {
  readonly class: 'late' | 'unknown_outcome';
  readonly reference: string;
  readonly detail: string;
}

/** What decides, and where word and answer differ. */
export interface WeighedWord {
  /** The issuer's own end, which counts more than the word; without it the word counts. */
  readonly answer?: FinalAnswer;
  readonly contradiction?: Contradiction;
}

/**
 * Weighs an operator's word on the operation `key` against the issuer's answer. That it does not know the key is no end: by that key it may do
 * nothing although it has given the money by hand, so the word counts, and a break says what it was against.
 */
export function weighWord(key: string, word: SaidEnd, answer: LastAnswer): WeighedWord {
  if (answer === undefined) return {};
  const said = `${word.operator} said ${word.action} (${word.reason})`;
  const contradict = (found: Contradiction['class'], what: string): { contradiction: Contradiction } => ({
    contradiction: { class: found, reference: `word:${key}`, detail: `${said}; ${what}` },
  });
  if (answer.kind === 'NOT_FOUND') {
    return word.action === 'FAILED'
      ? {}
      : contradict('unknown_outcome', 'the issuer knows nothing of it. The books follow the word.');
  }
  const agrees = (answer.kind === 'DONE') === (word.action === 'COMPLETED');
  if (agrees) return { answer };
  return answer.kind === 'DONE'
    ? { answer, ...contradict('late', 'the issuer says that it was done. The books follow the issuer.') }
    : {
        answer,
        ...contradict(
          'unknown_outcome',
          `the issuer says that it refused it (${answer.code}). The books follow the issuer.`,
        ),
      };
}
