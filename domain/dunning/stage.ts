import { assertDefined } from '../assert.ts';
import { describeMoney, type Money } from '../money.ts';

export const DUNNING_LANGUAGES = ['ja', 'en'] as const;
export type DunningLanguage = (typeof DUNNING_LANGUAGES)[number];

/** `{amount}` and `{dueOn}` stand for what is left to pay and the day it was due. A title shows on lock screens: no amount. */
export interface StageText {
  readonly title: string;
  readonly body: string;
}

/** How a message is put, by how long the debt has been due. */
export interface DunningStage {
  readonly name: string;
  /** From so many days after `dueOn`, in the user's zone. */
  readonly fromDaysOverdue: number;
  readonly texts: Readonly<Record<DunningLanguage, StageText>>;
}

export const STAGES: readonly DunningStage[] = [
  {
    name: 'REMINDER',
    fromDaysOverdue: 0,
    texts: {
      ja: {
        title: 'お支払いのご確認',
        body: '{dueOn}がお支払い期日の{amount}について、ご入金を確認できておりません。こちらからお支払いいただけます。行き違いの場合はご容赦ください。',
      },
      en: {
        title: 'Your payment',
        body: '{amount} was due on {dueOn} and has not reached us. You can pay it here. If you have paid already, please disregard this message.',
      },
    },
  },
  {
    name: 'SECOND_NOTICE',
    fromDaysOverdue: 8,
    texts: {
      ja: {
        title: 'お支払いのお願い',
        body: '{dueOn}がお支払い期日の{amount}が未払いとなっております。お早めにお支払いください。お支払いが難しい場合はご相談ください。',
      },
      en: {
        title: 'Please pay your bill',
        body: '{amount}, due on {dueOn}, is still unpaid. Please pay soon. If that is difficult, talk to us.',
      },
    },
  },
  {
    name: 'FINAL_NOTICE',
    fromDaysOverdue: 22,
    texts: {
      ja: {
        title: 'お支払いに関する重要なお知らせ',
        body: '{dueOn}がお支払い期日の{amount}が、なお未払いです。至急お支払いいただくか、お支払い方法についてご連絡ください。',
      },
      en: {
        title: 'Important notice about your payment',
        body: '{amount}, due on {dueOn}, remains unpaid. Please pay it now, or contact us about how you can.',
      },
    },
  },
];

const DAY_MS = 86_400_000;

/** Days of the calendar from one to the other, both `YYYY-MM-DD`; negative if `to` is before. */
export function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / DAY_MS);
}

/**
 * Number of the stage that a message belongs to, counted from 0: the one of that day, but one step after another whatever a hold
 * or a promise has let pass, and never back when the due day is moved. A partial payment changes nothing here.
 *
 * @param lastStage of the message before, if there was one
 */
export function stageOf(
  stages: readonly DunningStage[],
  daysOverdue: number,
  lastStage: number | undefined,
): number {
  if (lastStage === undefined) return 0;
  const byDay = stages.reduce((found, it, i) => (it.fromDaysOverdue <= daysOverdue ? i : found), 0);
  const next = Math.min(lastStage + 1, stages.length - 1);
  return Math.max(lastStage, Math.min(byDay, next));
}

/** A message's words, in the language of a locale such as `ja` or `en-GB`; English where we have no other. */
export function stageText(
  stage: DunningStage,
  locale: string,
  debt: Money & { readonly dueOn: string },
): StageText {
  const language = DUNNING_LANGUAGES.find((it) => locale.toLowerCase().split(/[-_]/)[0] === it) ?? 'en';
  const fill = (text: string): string =>
    text.replaceAll('{amount}', describeMoney(debt)).replaceAll('{dueOn}', debt.dueOn);
  const { title, body } = stage.texts[language];
  return { title: fill(title), body: fill(body) };
}

/** Name of the stage of that number. */
export function stageName(stages: readonly DunningStage[], stage: number): string {
  return assertDefined(stages[stage]).name;
}
