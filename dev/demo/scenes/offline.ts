import { formatCode } from '../../../domain/code/format.ts';
import {
  acceptableSteps,
  offlineBody,
  OFFLINE_PERIOD_MS,
  offlineCode,
} from '../../../domain/code/offline.ts';
import { OFFLINE_POLICY } from '../../../domain/code/offline-policy.ts';
import type { PaymentView } from '../../../domain/payment/payment.ts';
import { demand } from '../http.ts';
import { pay } from '../till.ts';
import { nameOf } from '../visit.ts';
import { goOffline, untilRoomInStep, type OfflinePhone } from './phone.ts';
import { addActor, bookAnswer, orderAt, sell, type Actor, type Stage } from './scene.ts';

const BALANCE_YEN = 30_000;
/** How wrong the clocks of the phones are: right, hours behind (a clock set by hand), minutes ahead, a little ahead. */
const CLOCKS_WRONG_BY_MS = [0, -3 * 3_600_000, 11 * 60_000, 47_000];

interface JournalReply {
  readonly results: readonly { entryId: string; outcome: string; payment?: PaymentView }[];
}

/** Sends a phone's journal and gives what was said of each entry. */
export async function sendJournal(actor: Actor, phone: OfflinePhone): Promise<JournalReply['results']> {
  const reply = await demand(actor.payer.device, 'POST', '/v1/journals', phone.journal());
  return (reply as unknown as JournalReply).results;
}

/** Phones without a network pay with codes they make themselves; in the evening their journals confirm each payment. */
export async function payOffline(stage: Stage): Promise<void> {
  await Promise.all(
    CLOCKS_WRONG_BY_MS.map(async (wrongByMs, index) => {
      const actor = await addActor(stage, `offline-${index + 1}`, BALANCE_YEN);
      const phone = await goOffline(actor.payer, wrongByMs);
      await untilRoomInStep();
      // The first customer stood in a queue with the code on the screen; the next code comes with the next step.
      for (const shownAgoMs of [OFFLINE_PERIOD_MS, 0]) {
        const code = await phone.show(shownAgoMs);
        await sell(stage, { scene: 'offline', actor, code, expected: 'COMPLETED' });
      }
      await matchJournal(stage, actor, phone);
    }),
  );
}

/** The journal must confirm everything the phone has shown. */
async function matchJournal({ books }: Stage, actor: Actor, phone: OfflinePhone): Promise<void> {
  const { userId } = actor.payer;
  const results = await sendJournal(actor, phone);
  for (const { entryId } of phone.journal().entries) {
    const { outcome, payment } = results.find((it) => it.entryId === entryId) ?? {};
    books.outcome(
      `${userId} ${entryId}`,
      'offline journal: MATCHED',
      `offline journal: ${outcome ?? 'no answer'}`,
    );
    const told = payment === undefined ? undefined : books.answers.get(payment.merchantPaymentId);
    if (told === undefined) books.fault(`${userId} ${entryId}: the journal names no payment of this day`);
    else books.became({ ...told, reconciliation: 'MATCHED' });
  }
}

/** Somebody has filmed the screen: the same code at two tills at once. One of them is paid, the phone's journal has it once. */
export async function cloneCode(stage: Stage): Promise<void> {
  const scene = 'clone at two tills';
  const actor = await addActor(stage, 'cloned', BALANCE_YEN);
  const phone = await goOffline(actor.payer, 0);
  const code = await phone.show();
  const sales = await Promise.all(
    stage.tills.map(async (till) => {
      const body = orderAt(stage, till, actor, code);
      return { body, answer: await pay(stage.world.tills, body) };
    }),
  );
  // Nobody can say beforehand which one is paid.
  const paidFirst = sales.toSorted((a, b) => (nameOf(a.answer) < nameOf(b.answer) ? -1 : 1));
  for (const [index, sale] of paidFirst.entries()) {
    const expected = index === 0 ? 'COMPLETED' : 'DECLINED CODE_ALREADY_USED';
    bookAnswer(stage, { scene, ...sale, expected, actor });
  }
  await matchJournal(stage, actor, phone);
}

/** Somebody knows a handle and guesses passwords: after so many wrong ones not even the right one counts for a while. */
export async function guessCodes(stage: Stage): Promise<void> {
  const scene = 'guesser';
  const actor = await addActor(stage, 'guessed', BALANCE_YEN);
  const phone = await goOffline(actor.payer, 0);
  const right = new Set(
    await Promise.all(acceptableSteps(Date.now()).map((step) => offlineCode({ ...phone, step }))),
  );
  const guess = (): string => {
    const password = String(stage.random.int(0, 999_999)).padStart(6, '0');
    const code = formatCode(phone.prefix, 'OFFLINE', offlineBody(phone.handle, password));
    return right.has(code) ? guess() : code;
  };
  const present = async (code: string, expected: string): Promise<void> => {
    const body = orderAt(stage, stage.tills[0], actor, code);
    // Nobody is charged with a guess, so no payer hears of it.
    bookAnswer(stage, {
      scene,
      body,
      answer: await pay(stage.world.tills, body),
      expected,
      actor: undefined,
    });
  };
  for (let tries = 0; tries < OFFLINE_POLICY.throttle.maxFailures; tries += 1)
    await present(guess(), 'DECLINED CODE_INVALID');
  await present(guess(), 'DECLINED TOO_MANY_ATTEMPTS');
  await present(await phone.show(), 'DECLINED TOO_MANY_ATTEMPTS');
}
