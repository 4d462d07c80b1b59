import { oneRow, rows, type Db } from './pool.ts';

/** Channel on which a user's id is told when there is something new for that user. */
export const USER_EVENT_CHANNEL = 'user_event';

/** One event of a user's stream; `seq` counts up without gaps and becomes visible in that order. */
export interface UserEvent {
  readonly seq: number;
  readonly kind: string;
  readonly payload: unknown;
  readonly createdAt: Date;
}

/** Events after `afterSeq`, oldest first. */
export async function listUserEvents(
  db: Db,
  userId: string,
  afterSeq: number,
  limit: number,
): Promise<UserEvent[]> {
  const statement = {
    name: 'user_event_list',
    text: `select seq, kind, payload, created_at as "createdAt" from user_event
            where user_id = $1 and seq > $2 order by seq limit $3`,
  };
  return rows<UserEvent & Record<string, unknown>>(db, statement, [userId, afterSeq, limit]);
}

/** Number of the user's last event, 0 if there was none. */
export async function lastUserEventSeq(db: Db, userId: string): Promise<number> {
  const statement = {
    name: 'user_event_last',
    text: 'select coalesce(max(seq), 0)::bigint as seq from user_event where user_id = $1',
  };
  return (await oneRow<{ seq: number }>(db, statement, [userId])).seq;
}

/** Of these users, the ones with an event after the number given. */
export async function usersBehind(
  db: Db,
  positions: readonly { userId: string; seq: number }[],
): Promise<string[]> {
  const statement = {
    name: 'user_event_behind',
    text: `select user_id from app_user join unnest($1::text[], $2::bigint[]) as p(id, seq) on user_id = id
            where event_seq > p.seq`,
  };
  const found = await rows<{ user_id: string }>(db, statement, [
    positions.map((it) => it.userId),
    positions.map((it) => it.seq),
  ]);
  return found.map((row) => row.user_id);
}

/**
 * Wakes whoever streams these users' events. Outside the transactions that wrote them on purpose: a NOTIFY makes its
 * transaction's commit wait for all others that notify (docs/adr/0003). A wake-up that is lost is made good by the
 * stream's own look every few seconds.
 */
export async function wakeUserStreams(db: Db, userIds: readonly string[]): Promise<void> {
  const statement = {
    name: 'user_event_wake',
    text: `select pg_notify('${USER_EVENT_CHANNEL}', id) from unnest($1::text[]) as id`,
  };
  await rows(db, statement, [userIds]);
}
