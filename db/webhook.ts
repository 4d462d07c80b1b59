import { randomBytes } from 'node:crypto';
import { newId } from './id.ts';
import { firstRow, rows, type Db, type Pool } from './pool.ts';
import type { Sealer } from './sealed.ts';
import { withTransaction } from './tx.ts';

/** What a delivery needs: the body as it was at the event, where it goes now and the secrets that sign it now. */
export interface WebhookDelivery {
  readonly eventId: string;
  readonly type: string;
  readonly body: string;
  readonly createdAt: Date;
  /** Null if the owner has taken the endpoint away since. */
  readonly url: string | null;
  readonly triesDone: number;
  readonly sealedSecrets: readonly SealedSecret[];
}

/** Who verifies what a secret signs. */
export interface SecretOwner {
  readonly kind: 'MERCHANT' | 'ISSUER' | 'PARKING';
  readonly id: string;
}

export interface SealedSecret {
  readonly secretId: string;
  readonly sealed: Buffer;
}

export async function findWebhookDelivery(db: Db, eventId: string): Promise<WebhookDelivery | undefined> {
  const event = await firstRow<
    Omit<WebhookDelivery, 'sealedSecrets'> & { ownerKind: SecretOwner['kind']; ownerId: string }
  >(
    db,
    {
      name: 'webhook_delivery',
      text: `select e.event_id as "eventId", e.type, e.body, e.created_at as "createdAt", e.owner_kind as "ownerKind",
                    e.owner_id as "ownerId",
                    case e.owner_kind when 'ISSUER' then i.base_url || '/v1/debt-events' else m.webhook_url end as url,
                    (select count(*) from webhook_attempt a where a.event_id = e.event_id) as "triesDone"
               from webhook_event e
               left join merchant m on e.owner_kind = 'MERCHANT' and m.merchant_id = e.owner_id
               left join issuer i on e.owner_kind = 'ISSUER' and i.issuer_id = e.owner_id
              where e.event_id = $1`,
    },
    [eventId],
  );
  if (event === undefined) return undefined;
  const sealedSecrets = await findWebhookSecrets(db, { kind: event.ownerKind, id: event.ownerId });
  const { ownerKind: _kind, ownerId: _id, ...delivery } = event;
  return { ...delivery, sealedSecrets };
}

/** An owner's secrets that sign now, the newest first. */
export async function findWebhookSecrets(db: Db, owner: SecretOwner): Promise<SealedSecret[]> {
  const statement = {
    name: 'webhook_secrets',
    text: `select secret_id as "secretId", sealed from webhook_secret
            where owner_kind = $1 and owner_id = $2 and (expires_at is null or expires_at > now())
            order by expires_at nulls first, created_at desc`,
  };
  return rows<SealedSecret & Record<string, unknown>>(db, statement, [owner.kind, owner.id]);
}

export interface WebhookAttempt {
  readonly url: string;
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly statusCode?: number | undefined;
  readonly error?: string | undefined;
}

/** Keeps a try and, if it was accepted, the event's end, together. */
export async function recordWebhookAttempt(
  db: Db,
  eventId: string,
  attempt: WebhookAttempt,
  accepted: boolean,
): Promise<void> {
  const statement = {
    name: 'webhook_attempt',
    text: `with event as (
             update webhook_event
                set status = case when $7 then 'DELIVERED' when status = 'FAILED' then 'PENDING' else status end,
                    delivered_at = case when $7 then coalesce(delivered_at, $3) else delivered_at end
              where event_id = $1 returning event_id)
           insert into webhook_attempt (event_id, attempt_no, url, started_at, duration_ms, status_code, error)
           select event_id, (select coalesce(max(attempt_no), 0) + 1 from webhook_attempt where event_id = $1),
                  $2, $3, $4, $5, $6 from event`,
  };
  await rows(db, statement, [
    eventId,
    attempt.url,
    attempt.startedAt,
    attempt.durationMs,
    attempt.statusCode ?? null,
    attempt.error ?? null,
    accepted,
  ]);
}

/** Says that no further try will come by itself. */
export async function failWebhookEvent(db: Db, eventId: string): Promise<void> {
  const statement = {
    name: 'webhook_fail',
    text: `update webhook_event set status = 'FAILED' where event_id = $1 and status = 'PENDING'`,
  };
  await rows(db, statement, [eventId]);
}

/** Events that no workflow delivers yet and that the outbox starts. */
export async function listWebhooksToStart(db: Db, limit: number): Promise<string[]> {
  const statement = {
    name: 'webhook_start_due',
    text: 'select event_id as "eventId" from webhook_event where is_start_due order by created_at limit $1',
  };
  return (await rows<{ eventId: string }>(db, statement, [limit])).map((it) => it.eventId);
}

/** Events that ought to be on their way for minutes and that nobody has tried to deliver. */
export async function listWebhooksForgotten(db: Db, limit: number): Promise<string[]> {
  const statement = {
    name: 'webhook_forgotten',
    text: `select event_id as "eventId" from webhook_event e
            where status = 'PENDING' and created_at < now() - interval '10 minutes'
              and not exists (select 1 from webhook_attempt a where a.event_id = e.event_id)
            order by created_at limit $1`,
  };
  return (await rows<{ eventId: string }>(db, statement, [limit])).map((it) => it.eventId);
}

export async function webhookStarted(db: Db, eventId: string): Promise<void> {
  const statement = {
    name: 'webhook_started',
    text: 'update webhook_event set is_start_due = false where event_id = $1',
  };
  await rows(db, statement, [eventId]);
}

export interface WebhookEventRow {
  readonly eventId: string;
  /** Whose event it is; the other one is null. */
  readonly merchantId: string | null;
  readonly issuerId: string | null;
  readonly type: string;
  readonly status: 'PENDING' | 'DELIVERED' | 'FAILED';
  readonly createdAt: Date;
  readonly deliveredAt: Date | null;
  readonly body: unknown;
  readonly attempts: readonly unknown[];
}

const EVENT_COLUMNS = `
  e.event_id as "eventId", case when e.owner_kind = 'MERCHANT' then e.owner_id end as "merchantId",
  case when e.owner_kind = 'ISSUER' then e.owner_id end as "issuerId", e.type, e.status, e.created_at as "createdAt",
  e.delivered_at as "deliveredAt", e.body::jsonb as body,
  coalesce((select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('attempt', a.attempt_no, 'url', a.url,
      'startedAt', rfc3339(a.started_at), 'durationMs', a.duration_ms, 'statusCode', a.status_code, 'error', a.error))
      order by a.attempt_no) from webhook_attempt a where a.event_id = e.event_id), '[]'::jsonb) as attempts`;

/** One event with all its tries. */
export async function findWebhookEvent(db: Db, eventId: string): Promise<WebhookEventRow | undefined> {
  const statement = {
    name: 'webhook_event',
    text: `select ${EVENT_COLUMNS} from webhook_event e where event_id = $1`,
  };
  return firstRow<WebhookEventRow & Record<string, unknown>>(db, statement, [eventId]);
}

/** Events, newest first, of one status or one merchant if asked. */
export async function listWebhookEvents(
  db: Db,
  it: {
    status: WebhookEventRow['status'] | undefined;
    merchantId: string | undefined;
    limit: number;
    after: { at: string; eventId: string } | undefined;
  },
): Promise<{ items: WebhookEventRow[]; next: { at: string; eventId: string } | undefined }> {
  const statement = {
    name: 'webhook_event_list',
    text: `select ${EVENT_COLUMNS}, cursor_time(e.created_at) as at from webhook_event e
            where ($1::text is null or e.status = $1) and ($2::text is null or (e.owner_kind, e.owner_id) = ('MERCHANT', $2))
              and ($4::timestamptz is null or (e.created_at, e.event_id) < ($4, $5))
            order by e.created_at desc, e.event_id desc limit $3`,
  };
  const found = await rows<WebhookEventRow & { at: string }>(db, statement, [
    it.status ?? null,
    it.merchantId ?? null,
    it.limit + 1,
    it.after?.at ?? null,
    it.after?.eventId ?? null,
  ]);
  const page = found.slice(0, it.limit);
  const last = page.at(-1);
  return {
    items: page.map(({ at: _, ...row }) => row),
    next: found.length > it.limit && last !== undefined ? { at: last.at, eventId: last.eventId } : undefined,
  };
}

/** How long the old secret goes on signing beside a new one. */
export const SECRET_OVERLAP_MS = 24 * 3_600_000;

/**
 * Gives an owner a new signing secret (`whsec_` and base64 of 32 bytes); the one before it stays valid for the overlap,
 * so that the receiver can change over. At most two are valid at a time.
 */
export async function rotateWebhookSecret(
  pool: Pool,
  sealer: Sealer,
  owner: SecretOwner,
  now: Date,
): Promise<{ secret: string; previousValidUntil: Date | undefined }> {
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const secretId = newId('sec');
  const until = new Date(now.getTime() + SECRET_OVERLAP_MS);
  return withTransaction(pool, async (tx) => {
    await rows(
      tx,
      {
        name: 'webhook_secret_lock',
        text: `select pg_advisory_xact_lock(hashtextextended('webhook secret ' || $1 || ' ' || $2, 0))`,
      },
      [owner.kind, owner.id],
    );
    await rows(
      tx,
      {
        name: 'webhook_secret_drop',
        text: `delete from webhook_secret where owner_kind = $1 and owner_id = $2 and expires_at is not null`,
      },
      [owner.kind, owner.id],
    );
    const old = await rows(
      tx,
      {
        name: 'webhook_secret_age',
        text: `update webhook_secret set expires_at = $3 where owner_kind = $1 and owner_id = $2 returning secret_id`,
      },
      [owner.kind, owner.id, until],
    );
    await rows(
      tx,
      {
        name: 'webhook_secret_insert',
        text: `insert into webhook_secret (secret_id, owner_kind, owner_id, sealed, created_at) values ($1, $2, $3, $4, $5)`,
      },
      [secretId, owner.kind, owner.id, sealer.seal(Buffer.from(secret), secretId), now],
    );
    return { secret, previousValidUntil: old.length > 0 ? until : undefined };
  });
}
