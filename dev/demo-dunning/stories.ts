import type { DebtView } from '../../domain/dunning/debt.ts';
import type { Call } from '../caller.ts';

/** One user with one unpaid bill, and what the user and the issuer do about it. */
export interface Story {
  readonly userId: string;
  readonly title: string;
  /** How the campaign has to stand in the end. */
  readonly end: DebtView['state'];
  /** What happens on this look at the debt, if anything; looked at every six hours. */
  readonly act: (it: Moment) => Promise<void>;
}

export interface Moment {
  readonly day: number;
  readonly debt: DebtView;
  readonly debtId: string;
  /** Calls as the user's phone, as the issuer, and of the issuer's own staff. */
  readonly device: Call;
  readonly issuer: Call;
  readonly staff: Call;
  /** `YYYY-MM-DD` so many days after the beginning. */
  readonly dayAfter: (days: number) => string;
  /** Runs it the first time only, and puts the words on the timeline. */
  readonly once: (words: string, act: () => Promise<unknown>) => Promise<void>;
}

export const AMOUNT = 12_000;

/** Opens the newest message, if it is not opened. */
async function open({ debt, device }: Moment): Promise<void> {
  const newest = debt.contacts.at(-1);
  if (newest === undefined || newest.openedAt !== undefined) return;
  await device('POST', `/v1/messages/${newest.messageId}/events`, {
    eventId: `open-${newest.messageId}`,
    type: 'OPENED',
    at: new Date(newest.sentAt).toISOString(),
  });
}

const pay = (it: Moment, repaymentId: string, amount?: number) =>
  it.once(`repaid ${amount ?? 'the rest'} from the wallet`, () =>
    it.device('POST', `/v1/debts/${it.debtId}/pay`, {
      repaymentId,
      ...(amount === undefined ? {} : { amount }),
    }),
  );

/** Ten people, ten ways. */
export const STORIES: readonly Story[] = [
  {
    userId: 'aiko',
    title: 'opens at once, pays a day later',
    end: 'SETTLED',
    async act(it) {
      await open(it);
      if (it.day >= 1) await pay(it, 'all');
    },
  },
  { userId: 'ben', title: 'never opens anything', end: 'EXHAUSTED', act: () => Promise.resolve() },
  {
    userId: 'chie',
    title: 'opens the third message and those after it, pays on day 20',
    end: 'SETTLED',
    async act(it) {
      if (it.debt.contacts.length >= 3) await open(it);
      if (it.day >= 20) await pay(it, 'all');
    },
  },
  {
    userId: 'daichi',
    title: 'pays in three parts',
    end: 'SETTLED',
    async act(it) {
      await open(it);
      if (it.day >= 4) await pay(it, 'first', 5_000);
      if (it.day >= 11) await pay(it, 'second', 4_000);
      if (it.day >= 19) await pay(it, 'third');
    },
  },
  {
    userId: 'emi',
    title: 'promises day 9 and keeps it',
    end: 'SETTLED',
    async act(it) {
      if (it.day >= 2)
        await it.once('promised to pay on day 9', () =>
          it.issuer('PUT', `/v1/debts/${it.debtId}/promise`, { payOn: it.dayAfter(9) }),
        );
      if (it.day >= 9) await pay(it, 'all');
    },
  },
  {
    userId: 'fumio',
    title: 'promises day 6 and breaks it',
    end: 'CONTACTED',
    async act(it) {
      if (it.day >= 8) await open(it);
      if (it.day >= 1)
        await it.once('promised to pay on day 6', () =>
          it.issuer('PUT', `/v1/debts/${it.debtId}/promise`, { payOn: it.dayAfter(6) }),
        );
    },
  },
  {
    userId: 'gen',
    title: 'complains: held off for ten days, then goes on',
    end: 'CONTACTED',
    async act(it) {
      await open(it);
      if (it.day >= 3)
        await it.once('held off until day 13', () =>
          it.issuer('PUT', `/v1/debts/${it.debtId}/hold`, {
            reason: 'complaint',
            until: `${it.dayAfter(13)}T00:00:00Z`,
          }),
        );
    },
  },
  {
    userId: 'hana',
    title: 'the issuer withdraws on day 8',
    end: 'WITHDRAWN',
    async act(it) {
      if (it.day >= 8)
        await it.once('withdrawn by the issuer', () => it.issuer('POST', `/v1/debts/${it.debtId}/withdraw`));
    },
  },
  {
    userId: 'ivo',
    title: 'pays by bank on day 5, as the issuer tells',
    end: 'SETTLED',
    async act(it) {
      if (it.day >= 5)
        await it.once('repaid 12000 by bank', () =>
          it.issuer('POST', `/v1/debts/${it.debtId}/repayments`, {
            repaymentId: 'bank-1',
            amount: AMOUNT,
            paidAt: `${it.dayAfter(5)}T00:00:00Z`,
          }),
        );
    },
  },
  {
    userId: 'jun',
    title: 'pays a part on day 7 while the issuer does not answer for a day',
    end: 'CONTACTED',
    async act(it) {
      await open(it);
      if (it.day >= 7)
        await it.once('paid 6000; the issuer does not answer, the money is held', async () => {
          const always = { times: 1_000_000, delayMs: 10 };
          await it.staff('PUT', '/v1/faults', [
            { operation: 'REPAYMENT', fault: 'TIME_OUT_AFTER_COMMIT', ...always },
            { operation: 'LOOK_UP', fault: 'ERROR_500', times: 1_000_000 },
          ]);
          await it.device('POST', `/v1/debts/${it.debtId}/pay`, { repaymentId: 'part', amount: 6_000 });
        });
      if (it.day >= 8) await it.once('the issuer answers again', () => it.staff('PUT', '/v1/faults', []));
    },
  },
];
