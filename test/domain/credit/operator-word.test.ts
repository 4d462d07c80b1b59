import { describe, expect, it } from 'vitest';
import { weighWord, type LastAnswer } from '../../../domain/credit/operator-word.ts';

const word = { operator: 'mei', reason: 'phoned' } as const;
const done: LastAnswer = { kind: 'DONE' };
const refused: LastAnswer = { kind: 'REFUSED', code: 'CLOSED' };
const notFound: LastAnswer = { kind: 'NOT_FOUND' };

describe("an operator's word against the issuer's last answer", () => {
  it.each([
    ['COMPLETED', undefined, undefined, undefined],
    ['FAILED', undefined, undefined, undefined],
    ['COMPLETED', done, 'DONE', undefined],
    ['FAILED', refused, 'REFUSED', undefined],
    ['FAILED', notFound, undefined, undefined],
    ['FAILED', done, 'DONE', 'late'],
    ['COMPLETED', refused, 'REFUSED', 'unknown_outcome'],
    ['COMPLETED', notFound, undefined, 'unknown_outcome'],
  ] as const)('%s against %o: the end of %s, a break %s', (action, answer, ends, opens) => {
    const weighed = weighWord('key', { ...word, action }, answer);
    expect(weighed.answer?.kind).toBe(ends);
    expect(weighed.contradiction?.class).toBe(opens);
    if (weighed.contradiction !== undefined) {
      expect(weighed.contradiction.reference).toBe('word:key');
      expect(weighed.contradiction.detail).toMatch(
        new RegExp(`^mei said ${action} \\(phoned\\); the issuer .*\\. The books follow the `),
      );
    }
  });
});
