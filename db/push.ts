import type { PushText } from '../domain/push/payload.ts';
import { firstRow, oneRow, rows, type Db } from './pool.ts';

/** A message on its way to browsers. */
export interface PushPlan {
  /** Of no use to anybody after that (RFC 3339). */
  readonly until: string;
  /** The subscriptions it has still to go to. */
  readonly pushIds: readonly string[];
}

/** Begins to push a message, once; undefined if there is none. */
export async function beginPush(db: Db, messageId: string): Promise<PushPlan | undefined> {
  const statement = { name: 'push_begin', text: 'select push_begin($1) as plan' };
  return (await oneRow<{ plan: PushPlan | null }>(db, statement, [messageId])).plan ?? undefined;
}

/** How a delivery to one browser ended. */
export type PushEnd = 'ACCEPTED' | 'GONE' | 'REFUSED' | 'EXPIRED' | 'SUPERSEDED';

export interface PushOrder {
  readonly kind: 'SEND';
  /** Hexadecimal, of a `PushTarget`. */
  readonly sealed: string;
  readonly showAmounts: boolean;
  /** A service has found the message too long. */
  readonly isShort: boolean;
  readonly until: string;
  readonly triesDone: number;
  readonly message: PushText;
}

export type PushClaim =
  | PushOrder
  | { readonly kind: 'BUSY'; readonly until: string }
  | { readonly kind: 'DONE'; readonly status: PushEnd };

/** Takes a delivery for one try; whether it is still wanted is looked at here. */
export async function claimPush(
  db: Db,
  it: { messageId: string; pushId: string; at: Date; until: Date },
): Promise<PushClaim> {
  const statement = { name: 'push_claim', text: 'select push_claim($1, $2, $3, $4) as claim' };
  return (await oneRow<{ claim: PushClaim }>(db, statement, [it.messageId, it.pushId, it.at, it.until]))
    .claim;
}

/** Keeps a try with what came of it. */
export async function recordPush(
  db: Db,
  attempt: {
    messageId: string;
    pushId: string;
    startedAt: Date;
    durationMs: number;
    statusCode?: number | undefined;
    outcome: PushEnd | 'RETRY' | 'SHORTEN';
    error?: string | undefined;
  },
): Promise<void> {
  const statement = { name: 'push_record', text: 'select push_record($1::jsonb)' };
  await rows(db, statement, [JSON.stringify(attempt)]);
}

/** How a message fared; undefined if there is none. */
export type PushOutcome = 'ACCEPTED' | 'FAILED' | 'SUPERSEDED';

/** Ends what has not ended. */
export async function concludePush(db: Db, messageId: string): Promise<PushOutcome | undefined> {
  const statement = { name: 'push_conclude', text: 'select push_conclude($1) as outcome' };
  return (await firstRow<{ outcome: PushOutcome | null }>(db, statement, [messageId]))?.outcome ?? undefined;
}

/**
 * Messages whose push nobody has begun: those of payments at once, and of debts what their campaigns have left, as when a
 * worker died.
 */
export async function listPushesDue(db: Db, limit: number): Promise<string[]> {
  const statement = {
    name: 'push_due',
    text: `select message_id as "messageId" from debt_message
            where push_status = 'DUE' and (kind <> 'DUNNING' or stored_at < now() - interval '2 seconds')
            order by stored_at limit $1`,
  };
  return (await rows<{ messageId: string }>(db, statement, [limit])).map((it) => it.messageId);
}
