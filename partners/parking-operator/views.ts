import type { Pool } from '../shared/database.ts';
import { lockOf, type Lock } from './locks.ts';
import { listPlaces, placeOf } from './places.ts';
import { owedBy } from './settling.ts';
import { findStay, listOpenStays, type Stay } from './stays.ts';

/** A space with what stands in it; or, without a space, a car that came in with a ticket. */
export interface SpaceView {
  readonly placeId: string;
  readonly space: string | null;
  readonly state: 'FREE' | Lock['state'];
  readonly sessionId: string | null;
  readonly startedAt: Date | null;
  readonly openedAt: Date | null;
  readonly opens: number;
  readonly exitBy: Date | null;
}

const FREE = {
  state: 'FREE',
  sessionId: null,
  startedAt: null,
  openedAt: null,
  opens: 0,
  exitBy: null,
} as const;

/** Every space of the places, then the cars that have none. */
export async function listSpaces(pool: Pool, at: Date, placeId?: string): Promise<SpaceView[]> {
  const places = placeId === undefined ? await listPlaces(pool) : [await placeOf(pool, placeId)];
  const stays = await listOpenStays(pool, placeId);
  const taken = await Promise.all(
    stays.map(async (stay): Promise<SpaceView> => {
      const { sessionId, placeId, space, startedAt } = stay;
      return { placeId, space, sessionId, startedAt, ...(await lockOf(pool, sessionId, at)) };
    }),
  );
  return places.flatMap(({ placeId, spaces }) => {
    const here = taken.filter((it) => it.placeId === placeId);
    const views = spaces.map((space) => here.find((it) => it.space === space) ?? { placeId, space, ...FREE });
    return [...views, ...here.filter((it) => it.space === null || !spaces.includes(it.space))];
  });
}

export interface PaymentView {
  readonly paymentId: string;
  readonly payer: 'MACHINE' | 'KESSAI';
  readonly amount: number;
  readonly paidAt: Date;
  readonly exitBy: Date;
  readonly canceledAt: Date | null;
}

/** A stay with all that happened to it. */
export interface StayView extends Stay, Lock {
  readonly owed: number;
  readonly payments: readonly PaymentView[];
  readonly openings: readonly { readonly cause: string; readonly openedAt: Date }[];
}

export async function viewStay(pool: Pool, sessionId: string, at: Date): Promise<StayView | undefined> {
  const stay = await findStay(pool, sessionId);
  if (stay === undefined) return undefined;
  const payments = await pool.query<PaymentView>(
    `select payment_id as "paymentId", payer, amount, paid_at as "paidAt", exit_by as "exitBy", canceled_at as "canceledAt"
       from parking_operator.payment where session_id = $1 order by paid_at, payment_id`,
    [sessionId],
  );
  const openings = await pool.query<StayView['openings'][number]>(
    `select cause, opened_at as "openedAt" from parking_operator.opening where session_id = $1 order by opening_id`,
    [sessionId],
  );
  const owed = await owedBy(pool, await placeOf(pool, stay.placeId), stay, stay.endedAt ?? at);
  return {
    ...stay,
    ...(await lockOf(pool, sessionId, at)),
    owed: owed.amount,
    payments: payments.rows,
    openings: openings.rows,
  };
}
