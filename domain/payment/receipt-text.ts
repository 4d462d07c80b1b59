import { describeMoney, type Money } from '../money.ts';

/** The words of a receipt; `pushBody` is for lock screens. */
export interface ReceiptText {
  readonly title: string;
  readonly body: string;
  readonly pushBody: string;
}

interface Words {
  readonly completed: string;
  readonly declined: string;
  readonly at: (merchant: string) => string;
  readonly openDebt: string;
}

const WORDS: Readonly<Record<'ja' | 'en', Words>> = {
  ja: {
    completed: 'お支払いが完了しました',
    declined: 'お支払いができませんでした',
    at: (merchant) => `${merchant}でのご利用です。`,
    openDebt: '未払いのご請求があります。アプリでご確認ください。',
  },
  en: {
    completed: 'Payment completed',
    declined: 'Payment declined',
    at: (merchant) => `At ${merchant}.`,
    openDebt: 'You have an unpaid bill. Open the app to see it.',
  },
};

/** What the payer of an offline payment is told, whose phone could not show it at the till; in the language of a locale such as `ja`. */
export function receiptText(
  it: Money & { readonly isCompleted: boolean; readonly merchantName: string; readonly hasOpenDebt: boolean },
  locale: string,
): ReceiptText {
  const words = WORDS[locale.toLowerCase().split(/[-_]/)[0] === 'ja' ? 'ja' : 'en'];
  const rest = it.hasOpenDebt ? [words.openDebt] : [];
  const at = words.at(it.merchantName);
  return {
    title: it.isCompleted ? words.completed : words.declined,
    body: [describeMoney(it), at, ...rest].join(' '),
    pushBody: [at, ...rest].join(' '),
  };
}
