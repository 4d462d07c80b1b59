import { describe, expect, it } from 'vitest';
import { daysBetween, stageName, stageOf, STAGES, stageText } from '../../../domain/dunning/stage.ts';
import { assertDefined } from '../../../domain/assert.ts';

const debt = { amount: 12_300, currency: 'JPY', dueOn: '2026-05-01' };

describe('the stage of a message', () => {
  it.each([
    [undefined, 0, 'REMINDER'],
    [0, 7, 'REMINDER'],
    [0, 8, 'SECOND_NOTICE'],
    [1, 21, 'SECOND_NOTICE'],
    [1, 22, 'FINAL_NOTICE'],
    [2, 400, 'FINAL_NOTICE'],
  ])('after stage %s, %i days overdue, is by the day: %s', (last, days, name) => {
    expect(stageName(STAGES, stageOf(STAGES, days, last))).toBe(name);
  });

  it('is the first at the first message and the one after the last after a long hold: none is left out', () => {
    expect(stageOf(STAGES, 90, undefined)).toBe(0);
    expect(stageOf(STAGES, 90, 0)).toBe(1);
  });

  it('does not go back when the day it was due is moved', () => {
    expect(stageOf(STAGES, -3, 1)).toBe(1);
  });
});

describe('the text of a stage', () => {
  it.each(STAGES.map((stage) => [stage.name, stage] as const))(
    '%s says amount and day in its body, and no amount in its title',
    (_, stage) => {
      for (const locale of ['ja', 'en']) {
        const { title, body } = stageText(stage, locale, debt);
        expect(body).toContain('12,300 JPY');
        expect(body).toContain('2026-05-01');
        expect(title + body).not.toMatch(/[{}]/);
        expect(title).not.toMatch(/\d/);
      }
    },
  );

  it('is Japanese for ja and ja-JP, else English', () => {
    const stage = assertDefined(STAGES[0]);
    expect(stageText(stage, 'ja-JP', debt)).toEqual(stageText(stage, 'ja', debt));
    expect(stageText(stage, 'ja', debt).title).toBe('お支払いのご確認');
    expect(stageText(stage, 'fr', debt)).toEqual(stageText(stage, 'en-GB', debt));
  });
});

it('days between are counted by the calendar', () => {
  expect(daysBetween('2026-02-27', '2026-03-01')).toBe(2);
  expect(daysBetween('2026-03-01', '2026-02-28')).toBe(-1);
});
