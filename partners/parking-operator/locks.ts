import type { Pool, Transaction } from '../shared/database.ts';

/** A flap goes up again under a car that has not left; 5 minutes is common. */
const RELOCK_MS = 5 * 60_000;

/** What is to be seen: `PAID` is paid with the flap up, as at a barrier, which opens at the exit. */
export type LockState = 'OCCUPIED' | 'PAID' | 'OPEN' | 'RELOCKED';

/** The flap under a car, or the barrier before its ticket. */
export interface Lock {
  readonly state: LockState;
  /** When it last went down. */
  readonly openedAt: Date | null;
  /** How often it went down for this stay, whoever opened it. */
  readonly opens: number;
  /** Until then the driver has paid; null if not, or if it was canceled. */
  readonly exitBy: Date | null;
}

interface LockRow {
  readonly openedAt: Date | null;
  readonly shutAt: Date | null;
  readonly opens: number;
  readonly exitBy: Date | null;
}

/** How the lock of a stay is at a time. That it shuts by itself is a matter of the time alone. */
export async function lockOf(db: Pool | Transaction, sessionId: string, at: Date): Promise<Lock> {
  const found = await db.query<LockRow>(
    `select o.opened_at as "openedAt", o.shut_at as "shutAt", (select count(*) from parking_operator.opening where session_id = $1) as opens,
            (select max(exit_by) from parking_operator.payment where session_id = $1 and canceled_at is null) as "exitBy"
       from (select) as always left join lateral (
         select opened_at, shut_at from parking_operator.opening where session_id = $1 order by opening_id desc limit 1) o on true`,
    [sessionId],
  );
  const { openedAt, shutAt, opens, exitBy } = found.rows[0] ?? {
    openedAt: null,
    shutAt: null,
    opens: 0,
    exitBy: null,
  };
  return { state: stateOf({ openedAt, shutAt, exitBy }, at), openedAt, opens, exitBy };
}

function stateOf({ openedAt, shutAt, exitBy }: Omit<LockRow, 'opens'>, at: Date): LockState {
  if (openedAt !== null) {
    const isDown = shutAt === null && at.getTime() < openedAt.getTime() + RELOCK_MS;
    return isDown ? 'OPEN' : 'RELOCKED';
  }
  return exitBy !== null && at <= exitBy ? 'PAID' : 'OCCUPIED';
}

/** A flap must be down; a barrier opens for a ticket that is paid. */
export function canLeave({ space }: { readonly space: string | null }, { state }: Lock): boolean {
  return state === 'OPEN' || (space === null && state === 'PAID');
}

/** Opens, whatever it was before. */
export async function openLock(
  tx: Transaction,
  sessionId: string,
  it: { cause: 'MACHINE' | 'KESSAI' | 'STAFF' | 'EXIT'; at: Date; paymentId?: string },
): Promise<void> {
  await tx.query(
    'insert into parking_operator.opening (session_id, cause, payment_id, opened_at) values ($1, $2, $3, $4)',
    [sessionId, it.cause, it.paymentId ?? null, it.at],
  );
}

/** Shuts at once. */
export async function shutLock(tx: Transaction, sessionId: string, at: Date): Promise<void> {
  await tx.query(
    'update parking_operator.opening set shut_at = $2 where session_id = $1 and shut_at is null',
    [sessionId, at],
  );
}
