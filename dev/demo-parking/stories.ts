import type { ReleaseOutcome, SettlementState, SettlementView } from '../../domain/parking/settlement.ts';
import type { ReleaseWord } from '../../workflows/parking-settlement/contract.ts';
import type { Driver, Quote } from './driver.ts';
import type { Lot, Where } from './lot.ts';

/** A flap under a space, a barrier with tickets, or a lot whose operator has nothing but a cash machine. */
export type Kind = 'FLAP' | 'BARRIER' | 'NO_SERVER';

/** What a car's story has to work with. */
export interface Scene {
  readonly where: Where;
  /** For a story that needs a neighbour: the car beside. */
  readonly neighbour: Where;
  readonly driver: Driver;
  readonly lot: Lot;
  /** A line of what happens, for whoever looks on. */
  readonly say: (what: string) => void;
  /** The fee now; where no server tells of entries, by the ticket. */
  readonly quote: (where?: Where) => Promise<Quote>;
  /** A person finds the settlement among those that wait, and says what became of the driver; `amount` if not the right one. */
  readonly confirm: (
    settlementId: string,
    outcome: ReleaseOutcome,
    word?: Partial<ReleaseWord>,
  ) => Promise<void>;
  /** The same without looking whether anybody waits for it. */
  readonly sayAgain: (settlementId: string, outcome: ReleaseOutcome, reason: string) => Promise<void>;
  /** The car drives out. @throws Error if it is locked in */
  readonly driveOut: () => Promise<void>;
  /** Cash at the machine, in yen. */
  readonly payCash: () => Promise<number>;
}

export interface Story {
  readonly kind: Kind;
  readonly title: string;
  /** How long it has been there. */
  readonly minutes: number;
  /** In yen; else enough. */
  readonly balance?: number;
  /**
   * FIRST: before the tariff takes its next step. ALONE: a fault of the server is for this car only. OUTAGE: while the server is down;
   * LAST: just before it is back.
   */
  readonly when?: 'FIRST' | 'ALONE' | 'OUTAGE' | 'LAST';
  /** How each of its settlements has to end. */
  readonly ends: readonly SettlementState[];
  readonly cash?: number;
  /** How often it had to open for this stay; 1 unless said. */
  readonly opens?: number;
  /** Plays, and gives in a few words why it ended so; or what comes when the server is back after the outage. */
  readonly act: (it: Scene) => Promise<Ended>;
}

type Ended = string | (() => Promise<string>);

/** Well above what a stay of the demo costs. */
export const BALANCE_YEN = 5_000;
const FOREVER = 1_000_000;

/** So that the next step of the tariff, and with it the end of quote and time to leave, is a minute away. */
const MINUTES_BEFORE_STEP = 29.2;

const yen = (amount: number): string => `${amount} yen`;

/** Pays what a quote says. @throws Error with the answer unless it is taken */
async function pay(it: Scene, quote: Quote): Promise<string> {
  const { settlementId, answer } = await it.driver.pay(quote);
  if (answer.state === undefined || answer.state === 'DECLINED')
    throw new Error(`the phone heard ${JSON.stringify(answer)}`);
  it.say(`paid ${yen(quote.amount)} by phone${quote.isFallback ? ', by our rate table' : ''}`);
  return settlementId;
}

async function payAndLeave(it: Scene, quote?: Quote): Promise<SettlementView> {
  const settlementId = await pay(it, quote ?? (await it.quote()));
  const { releasedBy } = await it.driver.until(settlementId, 'RELEASED');
  it.say(`released by ${releasedBy === 'OPERATOR' ? 'a person' : "the operator's server"}`);
  await it.driveOut();
  return it.driver.until(settlementId, 'EXITED');
}

function plain(kind: Kind, minutes: number): Story {
  return {
    kind,
    title: 'pays by phone and leaves',
    minutes,
    ends: ['EXITED'],
    async act(it) {
      await payAndLeave(it);
      return 'out in time';
    },
  };
}

/** The server goes wrong once, at this car's completion. */
function withFault(title: string, fault: 'TIME_OUT_AFTER_COMMIT' | 'ANSWERS_LATER', why: string): Story {
  return {
    ...plain('FLAP', 50),
    title,
    when: 'ALONE',
    async act(it) {
      const quote = await it.quote();
      await it.lot.setFaults({ operation: 'COMPLETION', fault, times: 1, delayMs: 1_500 });
      await payAndLeave(it, quote);
      return why;
    },
  };
}

/** Paid at a lot without a server; a person says how it ends. */
function atNoServer(
  minutes: number,
  outcome: ReleaseOutcome,
  reason: string,
  more?: (it: Scene, settlementId: string) => Promise<void>,
): Story {
  const end = outcome === 'RELEASED' ? 'RELEASED' : 'REFUNDED';
  return {
    kind: 'NO_SERVER',
    title: 'nothing but a cash machine there',
    minutes,
    ends: [end],
    async act(it) {
      const settlementId = await pay(it, await it.quote());
      await more?.(it, settlementId);
      await it.confirm(settlementId, outcome, { reason });
      await it.driver.until(settlementId, end);
      return reason;
    },
  };
}

const impatient: Story = {
  ...plain('FLAP', 95),
  title: 'sends it ten times at once',
  async act(it) {
    const { settlementId, answer, references } = await it.driver.pay(await it.quote(), 10);
    if (answer.state === undefined || references !== 1)
      throw new Error(`${references} settlements became of ten`);
    it.say('ten equal requests at once: one settlement');
    await it.driver.until(settlementId, 'RELEASED');
    await it.driveOut();
    await it.driver.until(settlementId, 'EXITED');
    return 'ten requests were one';
  },
};

const paysTwice: Story = {
  kind: 'FLAP',
  title: 'pays at the cash machine and by phone',
  minutes: 20,
  ends: ['REFUNDED'],
  cash: 300,
  async act(it) {
    const quote = await it.quote();
    it.say(`paid ${yen(await it.payCash())} at the cash machine`);
    const settlementId = await pay(it, quote);
    await it.driver.until(settlementId, 'REFUNDED');
    it.say('the phone gets its money back');
    await it.driveOut();
    return 'the machine was first: ALREADY_SETTLED';
  },
};

const wrongSpace: Story = {
  ...plain('FLAP', 40),
  title: 'pays for the wrong space',
  ends: ['REFUNDED', 'EXITED'],
  async act(it) {
    const wrong = await pay(it, await it.quote(it.neighbour));
    await it.driver.until(wrong, 'RELEASED');
    await it.driver.takeBack(wrong);
    await it.driver.until(wrong, 'REFUNDED');
    it.say('took it back; the neighbour’s flap is up again');
    await payAndLeave(it);
    return 'canceled within its window, paid for the right one';
  },
};

const reader: Story = {
  kind: 'FLAP',
  title: 'reads the newspaper before paying',
  minutes: MINUTES_BEFORE_STEP,
  when: 'FIRST',
  ends: ['EXITED'],
  // Once for the neighbour who had the wrong space.
  opens: 2,
  async act(it) {
    const old = await it.quote();
    return async () => {
      const { answer } = await it.driver.pay(old);
      if (answer.code !== 'QUOTE_EXPIRED') throw new Error(`an old quote: ${JSON.stringify(answer)}`);
      it.say('the quote has expired: nothing charged');
      await payAndLeave(it);
      return 'QUOTE_EXPIRED, then a new quote';
    };
  },
};

const short: Story = {
  kind: 'FLAP',
  title: 'has too little money',
  minutes: 70,
  balance: 100,
  ends: ['DECLINED'],
  cash: 900,
  async act(it) {
    const { settlementId } = await it.driver.pay(await it.quote());
    await it.driver.until(settlementId, 'DECLINED');
    it.say('declined');
    it.say(`paid ${yen(await it.payCash())} at the cash machine`);
    await it.driveOut();
    return 'INSUFFICIENT_FUNDS, paid at the machine';
  },
};

const late: Story = {
  kind: 'BARRIER',
  title: 'leaves late',
  minutes: MINUTES_BEFORE_STEP,
  when: 'FIRST',
  ends: ['OVERSTAYED', 'EXITED'],
  async act(it) {
    const first = await pay(it, await it.quote());
    await it.driver.until(first, 'RELEASED');
    it.say('goes back for an umbrella');
    return async () => {
      await it.driver.until(first, 'OVERSTAYED');
      if (await it.lot.leave(it.where)) throw new Error('the barrier opened for nothing');
      it.say('OVERSTAYED, and the barrier stays shut');
      const rest = await it.quote();
      await payAndLeave(it, rest);
      return `${yen(rest.amount)} more, by a new quote`;
    };
  },
};

const letOutByHand: Story = {
  ...plain('FLAP', 100),
  title: 'the server is down: a person lets it out',
  when: 'OUTAGE',
  async act(it) {
    const settlementId = await pay(it, await it.quote());
    await it.driver.until(settlementId, 'AWAITING_OPERATOR');
    it.say('a minute without an answer: a person is asked');
    await it.lot.openByHand(it.where);
    await it.confirm(settlementId, 'RELEASED', { reason: 'I opened it with my key' });
    await it.driver.until(settlementId, 'RELEASED', 'EXITED');
    await it.driveOut();
    await it.driver.until(settlementId, 'EXITED');
    await it.sayAgain(settlementId, 'NOT_RELEASED', 'somebody else, too late');
    return async () => {
      const { reference } = await it.driver.wait(settlementId, 'told to the server', (view) => {
        return view.acknowledgements.operator !== null;
      });
      const { answered, notObeyed } = await it.lot.heard(reference);
      it.say(
        `the server is back and hears of it: ${answered} time; ${notObeyed} later word kept, not obeyed`,
      );
      if (answered !== 1 || notObeyed !== 1) throw new Error('the server heard it twice, or a word is lost');
      return 'by hand; the server heard it once, later';
    };
  },
};

const waitsForServer: Story = {
  ...plain('FLAP', 130),
  title: 'the server is down: nobody answers before it',
  when: 'OUTAGE',
  async act(it) {
    const settlementId = await pay(it, await it.quote());
    await it.driver.until(settlementId, 'AWAITING_OPERATOR');
    return async () => {
      await it.driver.until(settlementId, 'RELEASED');
      it.say("released by the operator's server, which is back");
      await it.driveOut();
      await it.driver.until(settlementId, 'EXITED');
      return 'waited; the server was back before a person';
    };
  },
};

const paysInOutage: Story = {
  ...plain('FLAP', 10),
  title: 'pays just before the server is back',
  when: 'LAST',
  async act(it) {
    const settlementId = await pay(it, await it.quote());
    return async () => {
      await it.driver.until(settlementId, 'RELEASED');
      it.say("released by the operator's server, which is back");
      await it.driveOut();
      await it.driver.until(settlementId, 'EXITED');
      return 'asked again in seconds';
    };
  },
};

/** Twenty cars. The wrong space is that of the car before. */
export const STORIES: readonly Story[] = [
  plain('FLAP', 12),
  plain('FLAP', 200),
  withFault('the answer is lost', 'TIME_OUT_AFTER_COMMIT', 'asked again under its id, opened once'),
  withFault('the answer comes later', 'ANSWERS_LATER', '202, and the outcome by a call'),
  impatient,
  paysTwice,
  reader,
  wrongSpace,
  short,
  letOutByHand,
  waitsForServer,
  paysInOutage,
  plain('BARRIER', 45),
  late,
  atNoServer(80, 'RELEASED', 'the attendant waved it through'),
  atNoServer(35, 'RELEASED', 'looked at the phone and opened'),
  atNoServer(15, 'NOT_RELEASED', 'the chain was frozen, paid in cash'),
  atNoServer(60, 'ALREADY_SETTLED', 'had put coins into the machine'),
  atNoServer(110, 'RELEASED', 'the right amount, this time', async (it, settlementId) => {
    await it.confirm(settlementId, 'RELEASED', { amount: 1, reason: 'mixed up two cars' });
    it.say('a word with another amount: not obeyed');
  }),
  atNoServer(25, 'NOT_RELEASED', 'the driver’s wish: it was the wrong lot', async (it, settlementId) => {
    await it.driver.takeBack(settlementId);
    it.say('asks for the money back');
  }),
];

/** True if nothing in it takes a minute: no outage, no quote that has to expire. */
export function isQuick({ when }: Story): boolean {
  return when === undefined || when === 'ALONE';
}

export const OUTAGE = { operation: 'ALL', fault: 'DOWN', times: FOREVER } as const;
