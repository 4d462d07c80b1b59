import { inParallel } from '../demo/parallel.ts';
import type { StackParking } from '../demo/stack.ts';
import { addPayers, topUp, type Town } from '../demo/world.ts';
import type { Attendant } from './attendant.ts';
import { driverOf, type Driver } from './driver.ts';
import type { Log } from './log.ts';
import type { Lot, Where } from './lot.ts';
import { BALANCE_YEN, OUTAGE, type Scene, type Story } from './stories.ts';

/** One car with its driver, and what became of it. */
export interface Car {
  readonly name: string;
  readonly story: Story;
  readonly where: Where;
  /** Its stay at the operator with a server. */
  readonly sessionId: string;
  readonly driver: Driver;
  /** Why it ended as it did; or what went wrong. */
  why: string;
  isWrong: boolean;
}

export interface Play {
  readonly town: Town;
  readonly parking: StackParking;
  readonly lot: Lot;
  readonly attendant: Attendant;
  readonly log: Log;
  /** One a car. */
  readonly stories: readonly Story[];
}

const WIDTH = 8;

/** Lets cars come in, pay and leave, with an outage of the operator's server in between, and gives what became of them. */
export async function playCars(play: Play): Promise<Car[]> {
  const { lot, log } = play;
  const cars = await comeIn(play);
  const waiting: { car: Car; goOn: () => Promise<string> }[] = [];
  const go = (car: Car): Promise<void> =>
    run(car, async () => {
      const ended = await car.story.act(sceneOf(play, car, cars));
      if (typeof ended === 'string') car.why = ended;
      else waiting.push({ car, goOn: ended });
    });
  const of = (when: Story['when']): Car[] => cars.filter((it) => it.story.when === when);

  try {
    await Promise.all(of('FIRST').map(go));
    for (const car of of('ALONE')) await go(car);
    await Promise.all(of(undefined).map(go));
    log.tell("the operator's server goes down");
    await lot.setFaults(OUTAGE);
    log.whileSilent('nobody answers the drivers who have paid; after a minute a person is asked');
    await Promise.all(of('OUTAGE').map(go));
    await Promise.all(of('LAST').map(go));
  } finally {
    await lot.setFaults();
  }
  log.tell("the operator's server is back");
  log.whileSilent('it is told in its turn, every 15 s');
  await Promise.all(
    waiting.map(({ car, goOn }) =>
      run(car, async () => {
        car.why = await goOn();
      }),
    ),
  );
  return cars;
}

async function run(car: Car, act: () => Promise<void>): Promise<void> {
  await act().catch((error: unknown) => {
    car.isWrong = true;
    car.why = error instanceof Error ? error.message : String(error);
  });
}

/** Drivers with money and phones, and their cars where they stand. */
async function comeIn({ town, parking, lot, log, stories }: Play): Promise<Car[]> {
  const names = stories.map((_, i) => `car-${String(i + 1).padStart(2, '0')}`);
  const payers = await addPayers(town, names);
  const [flaps = '', barrier = ''] = parking.server.placeIds;
  const [temple = ''] = parking.noServer.placeIds;
  // A space that is taken, by an earlier run or by hand, costs nobody a flap: that car comes with a ticket.
  const free = await lot.freeSpaces(flaps);
  let templeSpaces = 0;
  const whereOf = ({ kind }: Story, name: string): Where => {
    const credential = `${town.runId}-${name}`;
    switch (kind) {
      case 'FLAP': {
        const space = free.shift();
        return { placeId: flaps, ...(space === undefined ? { credential } : { space }) };
      }
      case 'BARRIER':
        return { placeId: barrier, credential };
      case 'NO_SERVER':
        templeSpaces += 1;
        return { placeId: temple, space: String(templeSpaces) };
    }
  };
  const places = stories.map((story, i) => whereOf(story, names[i] ?? ''));
  return inParallel(
    stories.map((story, i) => [story, i] as const),
    WIDTH,
    async ([story, i]) => {
      const payer = payers[i];
      const [name, where] = [names[i], places[i]];
      if (payer === undefined || name === undefined || where === undefined)
        throw new Error('a car has no driver');
      await topUp(town, payer, story.balance ?? BALANCE_YEN);
      const sessionId = `${town.runId}-${name}`;
      if (story.kind !== 'NO_SERVER') await lot.enter(sessionId, where, story.minutes);
      log.tell(`came in ${Math.floor(story.minutes)} minutes ago: ${story.title}`, { name, where });
      return { name, story, where, sessionId, driver: driverOf(payer, town.runId), why: '', isWrong: false };
    },
  );
}

function sceneOf({ lot, attendant, log }: Play, car: Car, cars: readonly Car[]): Scene {
  const { where, driver, story } = car;
  const { userId } = driver.payer;
  const startedAt = new Date(Date.now() - story.minutes * 60_000).toISOString();
  const say = (what: string): void => {
    log.tell(what, car);
  };
  return {
    where,
    neighbour: cars[cars.indexOf(car) - 1]?.where ?? where,
    driver,
    lot,
    say,
    quote: (at = where) => driver.quote(at, story.kind === 'NO_SERVER' ? startedAt : undefined),
    async confirm(settlementId, outcome, word = {}) {
      await attendant.find(userId, settlementId);
      const { amount } = await driver.look(settlementId);
      const said = { operator: 'attendant of the demo', outcome, amount, ...word };
      await attendant.say(userId, settlementId, said);
      say(
        `a person says ${outcome}${said.amount === amount ? '' : ` of ${said.amount}`}: ${said.reason ?? ''}`,
      );
    },
    async sayAgain(settlementId, outcome, reason) {
      const { amount } = await driver.look(settlementId);
      await attendant.say(userId, settlementId, {
        operator: 'night shift of the demo',
        outcome,
        amount,
        reason,
      });
      say(`another person says ${outcome}`);
    },
    async driveOut() {
      if (!(await lot.leave(where))) throw new Error('the car is locked in');
      say('drove out');
    },
    payCash: () => lot.payAtMachine(`${driver.payer.userId}-coins`, where),
  };
}
