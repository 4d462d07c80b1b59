import type { Pool, Transaction } from '../shared/database.ts';
import type { Stay } from './stays.ts';

/** Something that Kessai is to hear. */
export interface Message {
  readonly messageId: number;
  readonly subject: string;
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly attempts: number;
}

/** Keeps a message in the transaction of what it tells; those of a subject arrive in this order. */
export async function send(
  tx: Transaction,
  it: { subject: string; method: 'PUT' | 'POST'; path: string; body: object },
): Promise<void> {
  // Two transactions of one subject hold the same lock, so the order of ids is that of the commits.
  await tx.query(
    'insert into parking_operator.message (subject, method, path, body) values ($1, $2, $3, $4)',
    [it.subject, it.method, it.path, JSON.stringify(it.body)],
  );
}

/** Tells a stay as it is now, at entry and exit. */
export async function sendStay(tx: Transaction, stay: Stay): Promise<void> {
  const { sessionId, placeId, space, credential, startedAt, endedAt } = stay;
  await send(tx, {
    subject: `stay ${sessionId}`,
    method: 'PUT',
    path: `/v1/parking/sessions/${encodeURIComponent(sessionId)}`,
    body: {
      placeId,
      ...(space === null ? {} : { space }),
      ...(credential === null ? {} : { credential }),
      startedAt,
      ...(endedAt === null ? {} : { endedAt }),
    },
  });
}

/**
 * Takes the first message of a subject that is due, for a while: a server that dies with it leaves it to be taken again.
 * @param leaseMs longer than one try lasts
 */
export async function takeMessage(pool: Pool, leaseMs: number): Promise<Message | undefined> {
  const taken = await pool.query<Message>(
    `update parking_operator.message set attempts = attempts + 1, next_at = now() + $1 * interval '1 millisecond'
      where message_id = (
        select m.message_id from parking_operator.message m
         where accepted_at is null and refused_at is null and next_at <= now()
           and not exists (select 1 from parking_operator.message earlier
                            where earlier.subject = m.subject and earlier.message_id < m.message_id
                              and earlier.accepted_at is null and earlier.refused_at is null)
         order by message_id limit 1 for update skip locked)
     returning message_id as "messageId", subject, method, path, body, attempts`,
    [leaseMs],
  );
  return taken.rows[0];
}

export type Result =
  | { readonly kind: 'ACCEPTED' }
  | { readonly kind: 'REFUSED'; readonly why: string }
  | { readonly kind: 'LATER'; readonly why: string; readonly delayMs: number };

export async function recordResult(pool: Pool, messageId: number, result: Result): Promise<void> {
  await pool.query(
    `update parking_operator.message
        set accepted_at = case when $2 = 'ACCEPTED' then now() end, refused_at = case when $2 = 'REFUSED' then now() end,
            last_result = $3, next_at = now() + $4 * interval '1 millisecond'
      where message_id = $1`,
    [
      messageId,
      result.kind,
      result.kind === 'ACCEPTED' ? null : result.why,
      result.kind === 'LATER' ? result.delayMs : 0,
    ],
  );
}

/** What Kessai has not accepted, the oldest first, with what it last said. */
export async function listUnaccepted(pool: Pool): Promise<object[]> {
  const found = await pool.query<object>(
    `select subject, path, body, attempts, last_result as "lastResult", refused_at is not null as "isRefused"
       from parking_operator.message where accepted_at is null order by message_id limit 200`,
  );
  return found.rows;
}

/** Where Kessai is, and our key there. */
export interface Kessai {
  readonly baseUrl: string;
  readonly key: string;
}

export async function putKessai(pool: Pool, it: Kessai): Promise<void> {
  await pool.query(
    `insert into parking_operator.kessai (base_url, key) values ($1, $2)
     on conflict (only_one) do update set base_url = excluded.base_url, key = excluded.key`,
    [it.baseUrl.replace(/\/$/, ''), it.key],
  );
  // What waited for it is due now.
  await pool.query(
    'update parking_operator.message set next_at = now() where accepted_at is null and refused_at is null',
  );
}

export async function findKessai(pool: Pool): Promise<Kessai | undefined> {
  const found = await pool.query<Kessai>('select base_url as "baseUrl", key from parking_operator.kessai');
  return found.rows[0];
}
