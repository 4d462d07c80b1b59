import { setTimeout as delay } from 'node:timers/promises';
import type { DebtView } from '../../domain/dunning/debt.ts';
import { caller } from '../caller.ts';
import { SetupProblem } from '../setup-problem.ts';
import type { Scene, Stage } from './stage.ts';
import { AMOUNT, type Moment, type Story } from './stories.ts';
import { happeningsOf, type Happening } from './timeline.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Of Asia/Tokyo, where all of them live. */
export const OFFSET_HOURS = 9;
const LOOKS_A_DAY = 4;
const ISSUER_ID = 'demo-credit';
const BALANCE = 50_000;
const FIRST_LOOKS = 100;
/** Of real time; a look every quarter of a day is over in a fraction of it. */
const SHOULD_HAVE_PASSED_MS = 500;
const STANDS_STILL_MS = 120_000;

/** What became of one story. */
export interface Played {
  readonly story: Story;
  readonly startMs: number;
  readonly debt: DebtView;
  readonly happenings: readonly Happening[];
}

/** Plays one story for so many days of a clock of its own, or to the end of its campaign. */
export async function play(stage: Stage, story: Story, days: number): Promise<Played> {
  const scene = await stage.begin();
  try {
    return await playOn(stage, scene, story, days);
  } finally {
    await scene.stop();
  }
}

async function playOn(stage: Stage, scene: Scene, story: Story, days: number): Promise<Played> {
  const startMs = await scene.nowMs();
  const dayAfter = (count: number): string =>
    new Date(startMs + OFFSET_HOURS * HOUR_MS + count * DAY_MS).toISOString().slice(0, 10);
  const actor = await register(story, stage, scene, dayAfter);
  const look = async (): Promise<DebtView> =>
    (await actor.issuer('GET', `/v1/debts/${actor.debtId}`)) as DebtView;
  await untilPlanned(look);
  const done = new Set<string>();
  const happenings: Happening[] = [];
  let debt = await look();
  for (let count = 0; count < days * LOOKS_A_DAY && debt.closedAt === undefined; count += 1) {
    const nowMs = await scene.nowMs();
    const once: Moment['once'] = async (words, act) => {
      if (done.has(words)) return;
      done.add(words);
      happenings.push({ atMs: nowMs, what: words });
      await act();
    };
    await story.act({ ...actor, day: Math.floor((nowMs - startMs) / DAY_MS), debt, dayAfter, once });
    debt = await look();
    if (debt.closedAt === undefined) {
      await passUntilNextLook(scene, look);
      debt = await look();
    }
  }
  // One that ends by itself did so within the six hours before.
  if (debt.closedAt !== undefined)
    happenings.push({ atMs: (await scene.nowMs()) + 1, what: `ended: ${debt.state}` });
  const endMs = await scene.nowMs();
  const told = happeningsOf(debt).filter((it) => it.atMs <= endMs);
  return { story, startMs, debt, happenings: [...told, ...happenings] };
}

/** A quarter of a day; less if the campaign ends by itself in it, as the server then skips no more and the time would not end. */
async function passUntilNextLook(scene: Scene, look: () => Promise<DebtView>): Promise<void> {
  let isOver = false;
  const passing = scene.pass(DAY_MS / LOOKS_A_DAY).then(
    () => {
      isOver = true;
    },
    (error: unknown) => {
      // The server that is stopped in the middle of it.
      if (!isOver) throw error;
    },
  );
  const giveUpMs = Date.now() + STANDS_STILL_MS;
  for (;;) {
    await Promise.race([passing, delay(SHOULD_HAVE_PASSED_MS)]);
    if (isOver) return;
    isOver = (await look()).closedAt !== undefined;
    if (!isOver && Date.now() > giveUpMs)
      throw new SetupProblem(
        'The time-skipping server skips no more, as it does at times on a busy machine; play again, with --only the rest.',
      );
  }
}

/** Makes the issuer and Kessai known to each other. */
async function connectIssuer({ adminKey, issuer }: Stage, { baseUrl }: Scene): Promise<void> {
  const admin = caller(baseUrl, adminKey);
  const body = { name: 'Demo Credit', baseUrl: issuer.baseUrl, timeZone: 'Asia/Tokyo' };
  await admin('PUT', `/v1/issuers/${ISSUER_ID}`, body);
  const made = (await admin('POST', `/v1/issuers/${ISSUER_ID}/signing-secret`)) as { secret: string };
  const staff = caller(issuer.baseUrl, issuer.adminKey);
  await staff('PUT', '/v1/signing-secrets', { secrets: [made.secret] });
}

type Actor = Pick<Moment, 'debtId' | 'device' | 'issuer' | 'staff'>;

/** A user with a balance, a phone, and a bill that was due two days ago. */
async function register(
  { userId }: Story,
  stage: Stage,
  scene: Scene,
  dayAfter: (days: number) => string,
): Promise<Actor> {
  await connectIssuer(stage, scene);
  const admin = caller(scene.baseUrl, stage.adminKey);
  const staff = caller(stage.issuer.baseUrl, stage.issuer.adminKey);
  const key = { role: 'issuer', tenantId: ISSUER_ID, name: 'demo' };
  const issuer = caller(scene.baseUrl, ((await admin('POST', '/v1/keys', key)) as { key: string }).key);
  const person = { userId, displayName: userId, locale: 'en', timeZone: 'Asia/Tokyo' };
  await admin('POST', '/v1/users', person);
  const topUp = { topUpId: 'demo', amount: BALANCE, currency: 'JPY' };
  await admin('POST', `/v1/users/${userId}/top-ups`, topUp);
  const { enrolmentCode } = (await admin('POST', `/v1/users/${userId}/enrolments`)) as {
    enrolmentCode: string;
  };
  const phone = { enrolmentCode, deviceName: 'phone' };
  const enrolled = (await caller(scene.baseUrl, '')('POST', '/v1/devices', phone)) as {
    deviceToken: string;
  };
  const debtId = `bill-${userId}`;
  const bill = { userId, amount: AMOUNT, currency: 'JPY', dueOn: dayAfter(-2) };
  await staff('PUT', `/v1/statements/${debtId}`, { ...bill, month: '2026-10' });
  await issuer('PUT', `/v1/debts/${debtId}`, { ...bill, revision: 1 });
  return { debtId, device: caller(scene.baseUrl, enrolled.deviceToken), issuer, staff };
}

/** The first step of a campaign is taken in real time. */
async function untilPlanned(look: () => Promise<DebtView>): Promise<void> {
  for (let left = FIRST_LOOKS; left > 0; left -= 1) {
    if ((await look()).nextContact !== undefined) return;
    await delay(100);
  }
  throw new Error('a campaign has not begun');
}
