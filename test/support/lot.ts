import type { Answer } from './client.ts';
import { createTestDatabase } from './database.ts';
import { uniqueId } from './givens.ts';
import { startParkingOperator, type StayAt, type TestParkingOperator } from './parking-operator.ts';

const MINUTE_MS = 60_000;

/** A car at the reference operator's. */
export interface Parked {
  readonly where: StayAt;
  readonly sessionId: string;
}

export interface Completed {
  readonly settlementId: string;
  readonly outcome: string;
  readonly code?: string;
}

/** The reference operator by itself, with a clock that stands still, for the tests of one file. */
export interface Lot {
  readonly operator: TestParkingOperator;
  /** A car that came an hour ago, or `ago` minutes: it owes 600 yen then. At a place of its own. */
  givenStay(it?: { ago?: number; acceptsOtherFees?: boolean; credential?: string }): Promise<Parked>;
  /** What Kessai says of a stay that was paid with 600 yen, ten minutes or as many as are said to leave. */
  completion(stay: Parked, more?: object, exitInMinutes?: number): { settlementId: string };
  complete(body: object, more?: { signal?: AbortSignal }): Promise<Answer<Completed>>;
  cancel(settlementId: string): Promise<Answer<Completed>>;
  close(): Promise<void>;
}

export async function openLot(): Promise<Lot> {
  const database = await createTestDatabase();
  const operator = await startParkingOperator(database.url, { now: new Date('2026-11-22T03:00:00Z') });
  const inMinutes = (minutes: number): Date => new Date(operator.now().getTime() + minutes * MINUTE_MS);
  return {
    operator,
    async givenStay({ ago = 60, acceptsOtherFees = false, credential } = {}) {
      const placeId = await operator.place({ acceptsOtherFees });
      const where = credential === undefined ? { placeId, space: '1' } : { placeId, credential };
      return { where, sessionId: await operator.enter({ ...where, at: inMinutes(-ago) }) };
    },
    completion: ({ where: { placeId, space }, sessionId }, more = {}, exitInMinutes = 10) => ({
      settlementId: uniqueId('set'),
      sessionId,
      placeId,
      ...(space === undefined ? {} : { space }),
      amount: 600,
      currency: 'JPY',
      paidAt: operator.now(),
      exitBy: inMinutes(exitInMinutes),
      releasedBy: null,
      ...more,
    }),
    complete: (body, more = {}) => operator.signed('/v1/completions', body, more),
    cancel: (settlementId) => operator.signed('/v1/cancellations', { settlementId }),
    async close() {
      await operator.close();
      await database.drop();
    },
  };
}
